import { randomBytes } from 'node:crypto';
import type { EphemeralEvent, LogEvent } from '@holdfast/protocol';
import { startServer, type LocalServer } from '@holdfast/local-server';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  createClient,
  createTranscript,
  HoldfastError,
  isEphemeral,
  type Client,
  type FollowOptions,
  type FollowState,
} from './index.ts';

const PASSWORD = randomBytes(12).toString('base64url');

let server: LocalServer;
let client: Client;

beforeAll(async () => {
  const env = {
    ADMIN_EMAIL: 'owner@holdfast.local',
    ADMIN_PASSWORD: PASSWORD,
    SSE_KEEPALIVE_MS: '500',
    OFFLINE_TOKEN_DELAY_MS: '5',
  };
  server = await startServer({ env });
  client = createClient({ baseUrl: server.url, apiKey: server.apiKey });
}, 60_000);

afterAll(() => server.stop());

const newSession = () => client.sessions.create({ project_id: server.projectId });

describe('calls', () => {
  test('login, and a client with its token', async () => {
    const { accessToken } = await client.auth.login({ email: 'owner@holdfast.local', password: PASSWORD });
    const mine = createClient({ baseUrl: server.url, token: () => accessToken });
    expect((await mine.projects.list()).items.map(({ id }) => id)).toContain(server.projectId);
    const wrong = client.auth.login({ email: 'owner@holdfast.local', password: 'wrong' });
    await expect(wrong).rejects.toMatchObject({ name: 'HoldfastError', code: 'UNAUTHORIZED', status: 401 });
  });

  test('projects, agents, documents, API keys', async () => {
    const project = await client.projects.create({ name: 'Ships', metadata: { a: 1 } });
    expect(await client.projects.update(project.id, { name: 'Boats' })).toMatchObject({ name: 'Boats' });
    expect(await client.projects.get(project.id)).toMatchObject({ name: 'Boats', metadata: { a: 1 } });

    const content = '# Mooring\n\nA clove hitch holds a fender.\n';
    const document = await client.documents.upload(project.id, { name: 'knots/mooring.md', content });
    expect(document).toMatchObject({ media_type: 'text/markdown', name: 'knots/mooring.md' });
    expect((await client.documents.get(document.id)).content).toBe(content);
    const [passage] = await client.documents.search(project.id, { query: 'fender', limit: 3 });
    expect(passage).toMatchObject({ document: 'knots/mooring.md', heading: 'Mooring' });
    await client.documents.delete(document.id);
    expect((await client.documents.list(project.id)).items).toEqual([]);

    const agent = await client.agents.create({ project_id: project.id, name: 'Guide' });
    expect(await client.agents.update(agent.id, { name: 'Pilot' })).toMatchObject({ name: 'Pilot' });
    expect(await client.agents.get(agent.id)).toMatchObject({ name: 'Pilot' });
    expect((await client.agents.list({ project_id: project.id })).items).toHaveLength(1);

    const key = await client.apiKeys.create({ name: 'reader', scopes: ['read'] });
    const reader = createClient({ baseUrl: server.url, apiKey: key.secret! });
    await expect(reader.projects.create({ name: 'x' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await client.apiKeys.revoke(key.id)).revoked_at).not.toBeNull();
    expect((await client.apiKeys.list()).items.map(({ id }) => id)).toContain(key.id);
    await expect(reader.projects.list()).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('a session held from outside: lease, run, steps, a tool of the client, close', async () => {
    const tool = { name: 'look', executor: 'client' as const };
    const agent = await client.agents.create({ project_id: server.projectId, name: 'Hand', tools: [tool] });
    const { id } = await client.sessions.create({
      project_id: server.projectId,
      agent_id: agent.id,
      executor: 'external',
    });
    const { run } = await client.messages.post(id, { content: 'Look.' });
    const { epoch } = await client.leases.claim(id, { holder: 'me', ttl_ms: 60_000 });
    expect((await client.leases.heartbeat(id, { epoch })).epoch).toBe(epoch);
    const begun = await client.runs.advance(id, run!.id, {
      epoch,
      begun: [
        { kind: 'tool', name: 'look', call_id: 'c1', input: {}, executor: 'client', timeout_seconds: 60 },
      ],
    });
    expect(begun).toMatchObject({ begun: [0], run: { status: 'waiting' } });
    const step = await client.runs.postToolResult(id, run!.id, 0, { output: { seen: true } });
    expect(step).toMatchObject({ status: 'completed' });
    expect(await client.runs.steps(id, run!.id)).toHaveLength(1);
    const { events } = await client.events.append(id, {
      epoch,
      events: [{ type: 'build.done', data: { ok: 1 } }],
    });
    const page = await client.events.page(id, { after: events[0]!.seq! - 1, limit: 1 });
    expect(page).toMatchObject({
      items: [{ type: 'build.done', data: { ok: 1 } }],
      limit: 1,
      next_cursor: null,
    });
    expect(page.log.last_seq).toBe(events[0]!.seq);
    await client.leases.release(id, { epoch });
    await expect(client.leases.release(id, { epoch })).rejects.toMatchObject({ code: 'LEASE_LOST' });

    expect(await client.runs.cancel(id, run!.id, { reason: 'enough' })).toMatchObject({
      status: 'cancelled',
    });
    const other = await client.runs.start(id);
    expect((await client.runs.list(id)).items.map((each) => each.id)).toEqual([other.id, run!.id]);
    expect(await client.sessions.update(id, { title: 'Looked' })).toMatchObject({ title: 'Looked' });
    expect(await client.sessions.close(id)).toMatchObject({ status: 'completed' });
    expect(await client.runs.get(id, other.id)).toMatchObject({ status: 'cancelled' });
    const closed = await client.sessions.list({ status: 'completed', project_id: server.projectId });
    expect(closed.items.map((each) => each.id)).toEqual([id]);
  });

  test('a refused field is named', async () => {
    const error = await client.projects.create({ name: '' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HoldfastError);
    expect(error).toMatchObject({ code: 'VALIDATION_ERROR', errors: [{ field: 'name' }] });
    expect((error as HoldfastError).requestId).not.toBeNull();
  });

  test('an Idempotency-Key of the caller makes two calls one', async () => {
    const options = { idempotencyKey: `twice-${randomBytes(4).toString('hex')}` };
    const first = await client.projects.create({ name: 'Once' }, options);
    expect(await client.projects.create({ name: 'Once' }, options)).toEqual(first);
  });
});

type Follow = (
  through: Client,
  session: string,
  options?: FollowOptions,
) => AsyncIterable<LogEvent | EphemeralEvent>;

describe.each<[string, Follow]>([
  ['follow', (through, session, options) => through.follow(session, options)],
  ['followWs', (through, session, options) => through.followWs(session, options)],
])('%s', (_name, follow) => {
  test('the answer of an agent, as it is written and as it is recorded', async () => {
    const agent = await client.agents.create({
      project_id: server.projectId,
      name: 'Reckoner',
      tools: ['calculate'],
    });
    const session = await client.sessions.create({ project_id: server.projectId, agent_id: agent.id });
    await client.messages.post(session.id, { content: 'What is 6*7?' });
    const transcript = createTranscript();
    let partials = 0;
    for await (const event of follow(client, session.id, { signal: AbortSignal.timeout(15_000) })) {
      const { messages, runs } = transcript.apply(event);
      if (messages.some(({ partial }) => partial)) partials += 1;
      if (runs[0]?.status === 'completed') break;
    }
    const { items } = await client.messages.list(session.id);
    expect(transcript.state.messages.map(({ content }) => content)).toEqual(
      items.map(({ content }) => content),
    );
    expect(items[1]!.content).toContain('42');
    expect(partials).toBeGreaterThan(0);
  });

  test('begins where it is told, and waits for what comes', async () => {
    const { id } = await newSession();
    for (const content of ['a', 'b', 'c']) await client.messages.post(id, { content });
    const stop = new AbortController();
    const seen: number[] = [];
    const states: FollowState[] = [];
    const onState = (state: FollowState): void => void states.push(state);
    const done = (async () => {
      for await (const event of follow(client, id, { after: 2, signal: stop.signal, onState })) {
        if (!isEphemeral(event)) seen.push(event.seq);
      }
    })();
    await vi.waitFor(() => expect(seen).toEqual([3, 4]));
    await client.messages.post(id, { content: 'd' });
    await vi.waitFor(() => expect(seen).toEqual([3, 4, 5]));
    stop.abort();
    await done;
    expect(states).toEqual(['connecting', 'live']);
  });

  test.each<[string, () => Promise<string>, number, string]>([
    ['an unknown session', async () => '0191e7a0-0000-7000-8000-000000000001', 0, 'NOT_FOUND'],
    ['a position ahead of the log', async () => (await newSession()).id, 99, 'CURSOR_AHEAD'],
  ])('%s is an error', async (_what, session, after, code) => {
    const iterator = follow(client, await session(), { after })[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toMatchObject({ name: 'HoldfastError', code });
  });

  test('a wrong key is an error', async () => {
    const { id } = await newSession();
    const stranger = createClient({ baseUrl: server.url, apiKey: 'hf_wrong' });
    const iterator = follow(stranger, id)[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('a consumer that is slow gets everything, and a silent session is kept open', async () => {
    const { id } = await newSession();
    const states: FollowState[] = [];
    const onState = (state: FollowState): void => void states.push(state);
    const iterator = follow(client, id, { onState, silenceMs: 1500 })[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ seq: 1 });
    const content = 'x'.repeat(50_000);
    for (let n = 0; n < 40; n += 1) await client.messages.post(id, { content: `${n} ${content}` });
    for (let seq = 2; seq <= 41; seq += 1) expect((await iterator.next()).value).toMatchObject({ seq });
    const next = iterator.next();
    // Longer than silenceMs: only keep-alives come.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await client.messages.post(id, { content: 'after a silence' });
    expect((await next).value).toMatchObject({ seq: 42 });
    expect(states).toEqual(['connecting', 'live']);
    await iterator.return?.();
  });
});

test('followers go on where they were when the server is killed and comes back', async () => {
  const own = await startServer();
  const port = own.port;
  const there = createClient({ baseUrl: own.url, apiKey: own.apiKey, retry: { attempts: 30 } });
  const { id } = await there.sessions.create({ project_id: own.projectId });
  const stop = new AbortController();
  const seen: number[][] = [[], []];
  const states: FollowState[] = [];
  const options = {
    signal: stop.signal,
    reconnectMs: 50,
    onState: (state: FollowState) => void states.push(state),
  };
  const done = [there.follow(id, options), there.followWs(id, options)].map(async (events, n) => {
    for await (const event of events) if (!isEphemeral(event)) seen[n]!.push(event.seq);
  });
  await there.messages.post(id, { content: 'before' });
  await vi.waitFor(() =>
    expect(seen).toEqual([
      [1, 2],
      [1, 2],
    ]),
  );
  await own.kill();
  const posting = there.messages.post(id, { content: 'meanwhile' });
  const again = await startServer({ folder: own.folder, port });
  await posting;
  await vi.waitFor(
    () =>
      expect(seen).toEqual([
        [1, 2, 3],
        [1, 2, 3],
      ]),
    { timeout: 10_000 },
  );
  stop.abort();
  await Promise.all(done);
  expect(states).toContain('waiting');
  await again.stop();
  await own.stop();
}, 60_000);
