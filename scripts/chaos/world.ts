import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from './client.ts';
import { Follower } from './follower.ts';
import type { AnyEvent, Expected, SessionHistory } from './history.ts';
import { Random } from './random.ts';

const TERMINAL = /^run\.(completed|failed|cancelled)$/;

/** A session of the test: what its clients were told, and what its steady follower saw. */
export class Watched {
  readonly id: string;
  readonly name: string;
  readonly agentId: string | null;
  readonly expected: Expected[] = [];
  readonly follows: Follower[] = [];
  readonly openRuns = new Set<string>();
  readonly #listeners: ((event: AnyEvent) => void)[] = [];

  constructor(id: string, name: string, agentId: string | null) {
    this.id = id;
    this.name = name;
    this.agentId = agentId;
  }

  get path(): string {
    return `/api/v1/sessions/${this.id}`;
  }

  /** Hears every event once, in order. */
  onEvent(listener: (event: AnyEvent) => void): void {
    this.#listeners.push(listener);
  }

  see(event: AnyEvent): void {
    const runId = String(event.data['run_id']);
    if (event.type === 'run.queued') this.openRuns.add(runId);
    else if (TERMINAL.test(event.type)) this.openRuns.delete(runId);
    for (const listener of this.#listeners) listener(event);
  }
}

export interface WatchOptions {
  name: string;
  agentId?: string | null;
  runPolicy?: 'queue' | 'reject' | 'interrupt';
  executor?: 'server' | 'external';
}

/** Everything the load shares: the client, the sessions, the seed, and when to stop. */
export class World {
  readonly client: Client;
  readonly sessions: Watched[] = [];
  readonly violations: string[] = [];
  readonly acknowledged = new Map<string, number>();
  readonly projectId: string;
  readonly seed: number;
  #stopping = false;
  #ids = 0;

  constructor(client: Client, projectId: string, seed: number) {
    this.client = client;
    this.projectId = projectId;
    this.seed = seed;
  }

  /** New work is no longer begun; what was begun is brought to its end. */
  get stopping(): boolean {
    return this.#stopping;
  }

  stop(): void {
    this.#stopping = true;
  }

  random(name: string): Random {
    return new Random(this.seed, name);
  }

  /** An id no other write of this test has. */
  nextId(prefix: string): string {
    return `${prefix}-${(this.#ids += 1)}`;
  }

  /** Counts an acknowledged write and what the log must therefore say. */
  expect(session: Watched, expected: Expected): void {
    session.expected.push(expected);
    if (expected.times === 1) this.count(expected.type);
  }

  count(kind: string): void {
    this.acknowledged.set(kind, (this.acknowledged.get(kind) ?? 0) + 1);
  }

  complain(what: string): void {
    this.violations.push(what);
  }

  /** Waits, but not beyond the end of the load. */
  async pause(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (!this.#stopping && performance.now() < until)
      await pause(Math.min(100, Math.max(1, until - performance.now())));
  }

  /** Whether everything that was begun in the session has ended, and every follower has seen it. */
  async isSettled(session: Watched): Promise<boolean> {
    if (session.openRuns.size > 0) return false;
    const { data } = await this.client.get(session.path);
    return session.follows.every((follower) => follower.lastId >= Number(data['last_seq']));
  }

  async createAgent(name: string, tools: unknown[]): Promise<string> {
    const body = { project_id: this.projectId, name, model: 'offline', tools };
    return String((await this.client.post('/api/v1/agents', body)).data['id']);
  }

  /** Creates a session once, however often the request must be repeated, and follows it. */
  async watch({
    name,
    agentId = null,
    runPolicy = 'queue',
    executor = 'server',
  }: WatchOptions): Promise<Watched> {
    const body = {
      project_id: this.projectId,
      agent_id: agentId,
      title: name,
      run_policy: runPolicy,
      executor,
    };
    const answer = await this.client.post('/api/v1/sessions', body, `create-${name}`);
    if (answer.status !== 201) throw new Error(`The session ${name}: ${JSON.stringify(answer.body)}`);
    const session = new Watched(String(answer.data['id']), name, agentId);
    this.sessions.push(session);
    this.expect(session, {
      what: `session ${name}`,
      times: 1,
      type: 'session.created',
      data: { title: name },
    });
    const follow = { client: this.client, sessionId: session.id };
    const steady = new Follower({
      ...follow,
      name: `${name}/steady`,
      onEvent: (event) => session.see(event),
    });
    session.follows.push(
      steady,
      new Follower({ ...follow, name: `${name}/cut`, cuts: this.random(`cuts ${name}`) }),
    );
    return session;
  }

  /** A further follower, which begins at the beginning while the session is in full swing. */
  addLateFollower(session: Watched): void {
    const name = `${session.name}/late${session.follows.length}`;
    session.follows.push(new Follower({ client: this.client, sessionId: session.id, name }));
  }
}

/** What the server says of a session now, beside what its clients were told. */
export async function readHistory({ client }: World, session: Watched): Promise<SessionHistory> {
  const { items: log, last } = await client.list<AnyEvent>(`${session.path}/events`, 1000);
  const { items: messages } = await client.list<SessionHistory['messages'][0]>(
    `${session.path}/messages`,
    200,
  );
  const { items: runs } = await client.list<SessionHistory['runs'][0]>(`${session.path}/runs`, 100);
  const { name, expected, follows, id } = session;
  const head = last.body['log'] as { last_seq: number };
  return { sessionId: id, name, log, lastSeq: head.last_seq, messages, runs, expected, follows };
}
