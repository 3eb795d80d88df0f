import { setTimeout as sleep } from 'node:timers/promises';
import type { EphemeralEvent, LogEvent } from '@holdfast/protocol';
import { startServer, type LocalServer } from '@holdfast/local-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../test/random.ts';
import { TortureProxy } from '../test/torture-proxy.ts';
import { createClient, isEphemeral, paginate, type Client, type FollowOptions } from './index.ts';

const SECONDS = Number(process.env.SDK_TORTURE_SECONDS ?? 6);
const SEED = Number(process.env.SDK_TORTURE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const TEXTS = [
  'plain',
  'zwölf Boxkämpfer',
  '日本語のテキスト',
  '🚢⚓️🌊',
  'data: no\n\nid: 7\n\n: head=9\r\n',
  '\\u0000',
];

let server: LocalServer;

beforeAll(async () => {
  server = await startServer({ env: { SSE_KEEPALIVE_MS: '300' } });
}, 60_000);

afterAll(() => server.stop());

/** What one follower was given, and how often it had to connect. */
function watch(follow: (options: FollowOptions) => AsyncIterable<LogEvent | EphemeralEvent>) {
  const stop = new AbortController();
  const seen = { events: [] as LogEvent[], ephemeral: 0, connections: 0, stop };
  const options: FollowOptions = {
    signal: stop.signal,
    reconnectMs: 10,
    silenceMs: 1500,
    onState: (state) => (seen.connections += state === 'live' ? 1 : 0),
  };
  const done = (async () => {
    for await (const event of follow(options)) {
      if (isEphemeral(event)) seen.ephemeral += 1;
      else seen.events.push(event);
    }
  })();
  return {
    ...seen,
    get connections() {
      return seen.connections;
    },
    get ephemeral() {
      return seen.ephemeral;
    },
    done,
  };
}

/** Posts until the time is over. @returns what was posted */
async function post(client: Client, sessionId: string, name: string, until: number, random: () => number) {
  const posted: string[] = [];
  while (performance.now() < until) {
    const size = random() < 0.1 ? 20_000 * random() : 100 * random();
    const text = TEXTS[Math.floor(random() * TEXTS.length)]!;
    const content = `${name} ${posted.length} ${text.repeat(1 + size / text.length)}`;
    await client.messages.post(sessionId, { content, run: random() < 0.05 });
    posted.push(content);
    await sleep(random() * 10);
  }
  return posted;
}

async function append(client: Client, sessionId: string, epoch: number, until: number, random: () => number) {
  let count = 0;
  while (performance.now() < until) {
    const events = Array.from({ length: 1 + Math.floor(random() * 5) }, () => ({
      type: 'build.status',
      data: { count: count++, text: TEXTS[Math.floor(random() * TEXTS.length)] },
    }));
    await client.events.append(sessionId, {
      epoch,
      events: [...events, { type: 'build.progress', data: {}, ephemeral: true }],
    });
    await sleep(random() * 10);
  }
  return count;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function readLog(client: Client, sessionId: string): Promise<LogEvent[]> {
  return collect(paginate((after) => client.events.page(sessionId, { after, limit: 1000 })));
}

test(
  `a proxy that cuts, delays, truncates and duplicates for ${SECONDS} s: each event and each message once (seed ${SEED})`,
  async () => {
    const random = seededRandom(SEED);
    const proxy = new TortureProxy({ port: server.port, random });
    const through = { baseUrl: await proxy.listen(), apiKey: server.apiKey, timeoutMs: 5000 };
    const client = createClient({ ...through, retry: { attempts: 60, baseMs: 5 } });
    const direct = createClient({ baseUrl: server.url, apiKey: server.apiKey });

    const agent = await client.agents.create({ project_id: server.projectId, name: 'Torture' });
    const session = await client.sessions.create({
      project_id: server.projectId,
      agent_id: agent.id,
      executor: 'external',
    });
    // Directly: each claim raises the epoch, so one that is sent twice fences itself.
    const lease = await direct.leases.claim(session.id, { holder: 'torture', ttl_ms: 600_000 });
    const sse = watch((options) => client.follow(session.id, options));
    const ws = watch((options) => client.followWs(session.id, options));

    const until = performance.now() + SECONDS * 1000;
    const [first, second, appended] = await Promise.all([
      post(client, session.id, 'first', until, random),
      post(client, session.id, 'second', until, random),
      append(client, session.id, lease.epoch, until, random),
    ]);
    proxy.calm();
    const log = await readLog(direct, session.id);
    const { last_seq } = await direct.sessions.get(session.id);
    await expect
      .poll(() => [sse, ws].map(({ events }) => events.length), { timeout: 15_000 })
      .toEqual([last_seq, last_seq]);
    for (const follower of [sse, ws]) follower.stop.abort();
    await Promise.all([sse.done, ws.done]);
    proxy.close();

    process.stdout.write(
      `seed ${SEED}: ${log.length} events, ${first.length + second.length} messages, ${appended} appends; ` +
        `${sse.connections} SSE and ${ws.connections} WebSocket connections; ${JSON.stringify(proxy.counts)}\n`,
    );
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_event, n) => n + 1));
    expect(sse.events).toEqual(log);
    expect(ws.events).toEqual(log);
    const messages = await collect(
      paginate((cursor) => direct.messages.list(session.id, { cursor, limit: 200 })),
    );
    expect(messages.map(({ content }) => content).toSorted()).toEqual([...first, ...second].toSorted());
    const counts = log
      .filter(({ type }) => type === 'build.status')
      .map(({ data }) => (data as { count: number }).count);
    expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: appended }, (_, n) => n));
    const sameName = (await direct.agents.list({ limit: 100 })).items.filter(
      ({ name }) => name === 'Torture',
    );
    expect(sameName).toHaveLength(1);
    const sessions = (await direct.sessions.list({ limit: 100 })).items;
    expect(sessions).toHaveLength(1);
    expect(sse.connections).toBeGreaterThan(SECONDS / 2);
    expect(ws.connections).toBeGreaterThan(SECONDS / 4);
  },
  (SECONDS + 60) * 1000,
);
