import { Pool, type Dispatcher } from 'undici';
import { percentile, type Sample } from '../harness/stats.ts';
import { ANSWER } from './answer.ts';

export interface TurnLoad {
  url: string;
  apiKey: string;
  projectId: string;
  agentId: string;
  concurrency: number;
  turns: number;
  /** After so many a conversation goes on in a new session, as its history is sent to the model each time. */
  perSession: number;
}

export interface ModelLoad {
  url: string;
  concurrency: number;
  turns: number;
}

export interface Timed {
  /** Milliseconds from sending the message. */
  first: number;
  total: number;
}

type Post = (path: string, body: object) => Promise<{ id: string }>;

const TEXT = ANSWER.join('');

/** Answers as they come, until `isDone` says so of the text so far. */
class TextStream {
  text = '';
  first = 0;
  #done = Promise.withResolvers<void>();

  constructor(body: Dispatcher.ResponseData['body'], firstMark: string, lastMark: RegExp) {
    body.setEncoding('utf8');
    body.on('data', (chunk: string) => {
      this.text += chunk;
      if (this.first === 0 && this.text.includes(firstMark)) this.first = performance.now();
      if (lastMark.test(this.text)) this.#done.resolve();
    });
    body.on('close', () => this.#done.reject(new Error(`The stream ended: ${this.text.slice(-500)}`)));
    body.on('error', () => {});
    this.#done.promise.catch(() => {});
  }

  restart(): void {
    this.text = '';
    this.first = 0;
    this.#done = Promise.withResolvers();
    this.#done.promise.catch(() => {});
  }

  done(): Promise<void> {
    return this.#done.promise;
  }
}

/** One session and its follower, ready for messages. */
class Conversation {
  readonly #post: Post;
  readonly #path: string;
  readonly #stream: TextStream;

  private constructor(post: Post, path: string, stream: TextStream) {
    this.#post = post;
    this.#path = path;
    this.#stream = stream;
  }

  static async open(load: TurnLoad, requests: Pool, streams: Pool): Promise<Conversation> {
    const headers = { authorization: `Bearer ${load.apiKey}`, 'content-type': 'application/json' };
    const post: Post = async (path, body) => {
      const answer = await requests.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) throw new Error(`${answer.statusCode} ${text}`);
      return (JSON.parse(text) as { data: { id: string } }).data;
    };
    const { id } = await post('/api/v1/sessions', { project_id: load.projectId, agent_id: load.agentId });
    const path = `/api/v1/sessions/${id}`;
    const follow = { authorization: headers.authorization, accept: 'text/event-stream' };
    const { body } = await streams.request({ method: 'GET', path: `${path}/events`, headers: follow });
    const stream = new TextStream(
      body,
      '"message.delta"',
      /"type":"run\.(completed|failed|cancelled)".*\n\n/,
    );
    return new Conversation(post, path, stream);
  }

  /** One message, until the run that answers it is seen to be complete. */
  async turn(): Promise<Timed> {
    const stream = this.#stream;
    stream.restart();
    const begun = performance.now();
    await Promise.all([this.#post(`${this.#path}/messages`, { content: 'Count to twenty.' }), stream.done()]);
    const total = performance.now() - begun;
    const whole =
      stream.text.includes('"run.completed"') && stream.text.includes(JSON.stringify(TEXT).slice(1, -1));
    if (!whole || stream.first === 0) throw new Error(`The turn went wrong: ${stream.text}`);
    return { first: stream.first - begun, total };
  }
}

/** Turns of conversations, each with a follower; sessions and followers are made before the clock starts. */
export async function runTurns(load: TurnLoad): Promise<Sample> {
  const each = Math.ceil(load.turns / load.concurrency);
  const sessions = Math.ceil(each / load.perSession);
  const requests = new Pool(load.url, { connections: load.concurrency, pipelining: 1 });
  const streams = new Pool(load.url, { bodyTimeout: 0 });
  const workers = await Promise.all(
    Array.from({ length: load.concurrency }, async () => {
      const open: Conversation[] = [];
      for (let index = 0; index < sessions; index += 1)
        open.push(await Conversation.open(load, requests, streams));
      return open;
    }),
  );
  const sample = await time(
    workers.map((open) => async (record: (timed: Timed) => void) => {
      for (let turn = 0; turn < each; turn += 1)
        record(await open[Math.floor(turn / load.perSession)]!.turn());
    }),
  );
  await Promise.all([requests.destroy(), streams.destroy()]);
  return sample;
}

/** The model called directly by the same client: what no server can be faster than. */
export async function runModelCalls({ url, concurrency, turns }: ModelLoad): Promise<Sample> {
  const pool = new Pool(new URL(url).origin, { connections: concurrency, pipelining: 1 });
  const body = JSON.stringify({
    model: 'fake',
    stream: true,
    messages: [{ role: 'user', content: 'Count.' }],
  });
  const path = `${new URL(url).pathname}/chat/completions`;
  const headers = { 'content-type': 'application/json' };
  const call = async (): Promise<Timed> => {
    const begun = performance.now();
    const answer = await pool.request({ method: 'POST', path, headers, body });
    const stream = new TextStream(answer.body, ANSWER[0]!, /\[DONE\]/);
    await stream.done();
    return { first: stream.first - begun, total: performance.now() - begun };
  };
  const each = Math.ceil(turns / concurrency);
  const sample = await time(
    Array.from({ length: concurrency }, () => async (record: (timed: Timed) => void) => {
      for (let turn = 0; turn < each; turn += 1) record(await call());
    }),
  );
  await pool.destroy();
  return sample;
}

/** Runs them side by side. */
export async function time(workers: ((record: (timed: Timed) => void) => Promise<void>)[]): Promise<Sample> {
  const all: Timed[] = [];
  const begun = performance.now();
  await Promise.all(workers.map((worker) => worker((timed) => void all.push(timed))));
  const seconds = (performance.now() - begun) / 1000;
  const totals = all.map(({ total }) => total);
  return {
    value: all.length / seconds,
    p50: percentile(totals, 0.5),
    p95: percentile(totals, 0.95),
    first: percentile(
      all.map(({ first }) => first),
      0.5,
    ),
  };
}
