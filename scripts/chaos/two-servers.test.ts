import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { findFreePort } from '../child-process.ts';
import { startPostgres, startRedis, type Missing, type Service } from '../services.ts';
import { checkHistory } from './check-history.ts';
import { Client } from './client.ts';
import { Follower } from './follower.ts';
import type { SessionHistory } from './history.ts';
import { readCredentials, ServerProcess } from './server-process.ts';
import { percentile } from './summary.ts';
import { readHistory, World, type Watched } from './world.ts';

const missing = !process.env['TEST_DATABASE_URL'] || !process.env['TEST_REDIS_URL'];
const PASSWORD = 'two-servers-password';
const LEASE_TTL_MS = 1500;
const SCAN_MS = 300;
const WAIT = { timeout: 30_000, interval: 20 };

function found(service: Service | Missing): Service {
  if ('missing' in service) throw new Error(service.missing);
  return service;
}

describe.skipIf(missing)('two servers on one PostgreSQL and one Redis', { timeout: 90_000 }, () => {
  let folder: string;
  let postgres: Service;
  let redis: Service;
  let a: ServerProcess;
  let b: ServerProcess;
  let world: World;
  let onB: Client;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-two-'));
    [postgres, redis] = (await Promise.all([startPostgres(), startRedis()])).map(found) as [Service, Service];
    const env = {
      NODE_ENV: 'test',
      LOG_LEVEL: 'info',
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      JWT_SECRET: 'one secret that both of the servers share',
      ADMIN_PASSWORD: PASSWORD,
      RATE_LIMITS: '{"*":{"minute":10000000}}',
      LEASE_TTL_MS: String(LEASE_TTL_MS),
      LEASE_SCAN_INTERVAL_MS: String(SCAN_MS),
      OFFLINE_TOKEN_DELAY_MS: '25',
      // So rare that an event which arrives while Redis is up was hinted at.
      FOLLOW_POLL_INTERVAL_MS: '120000',
    };
    a = new ServerProcess({ port: await findFreePort(), env: { ...env, DATA_DIR: join(folder, 'a') } });
    b = new ServerProcess({ port: await findFreePort(), env: { ...env, DATA_DIR: join(folder, 'b') } });
    await Promise.all([a.start(), b.start()]);
  });

  afterAll(async () => {
    await Promise.all(
      world?.sessions.flatMap(({ follows }) => follows.map((follower) => follower.stop())) ?? [],
    );
    await Promise.all([a?.kill(), b?.kill()]);
    await Promise.all([postgres?.stop(), redis?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  /** A session followed through both servers. */
  async function watch(name: string, agentId: string | null = null): Promise<Watched> {
    const session = await world.watch({ name, agentId, executor: agentId === null ? 'external' : 'server' });
    session.follows.push(new Follower({ client: onB, sessionId: session.id, name: `${name}/on-b` }));
    return session;
  }

  const followerOnB = (session: Watched): Follower => session.follows.at(-1)!;

  async function expectWhole(session: Watched): Promise<SessionHistory> {
    await vi.waitFor(async () => {
      const { data } = await onB.get(session.path);
      for (const { lastId } of session.follows) expect(lastId).toBe(data['last_seq']);
    }, WAIT);
    const history = await readHistory(world, session);
    expect(checkHistory([history])).toEqual([]);
    return history;
  }

  /** Appends through A, one after the other. @returns milliseconds until each was seen through B */
  async function measure(session: Watched, epoch: number, count: number): Promise<number[]> {
    const follower = followerOnB(session);
    const times: number[] = [];
    for (let left = count; left > 0; left -= 1) {
      const clientMsgId = world.nextId('e');
      const seen = follower.next();
      const began = performance.now();
      const events = [{ type: 'work.noted', client_msg_id: clientMsgId, data: { epoch } }];
      const answer = await world.client.post(`${session.path}/events`, { epoch, events });
      expect(answer.status).toBe(201);
      const [{ seq }] = answer.data['events'] as [{ seq: number }];
      world.expect(session, { what: clientMsgId, times: 1, type: 'work.noted', clientMsgId, seq });
      times.push((await seen) - began);
    }
    return times;
  }

  const say = (what: string, times: readonly number[]): void =>
    console.log(
      `${what}: ${times.length} events, p50 ${percentile(times, 0.5).toFixed(1)} ms, ` +
        `p95 ${percentile(times, 0.95).toFixed(1)} ms, most ${Math.max(...times).toFixed(1)} ms`,
    );

  test('started at once on an empty database, they make one set of credentials', async () => {
    const printed = await vi.waitFor(() => {
      const sets = [a, b].map(({ output }) => readCredentials(output)).filter((set) => set !== null);
      expect(sets.length).toBeGreaterThan(0);
      return sets;
    }, WAIT);
    expect(printed).toHaveLength(1);
    const [{ apiKey, projectId }] = printed as [{ apiKey: string; projectId: string }];
    world = new World(new Client(a.url, apiKey), projectId, 1);
    onB = new Client(b.url, apiKey);
    for (const client of [world.client, onB]) {
      expect((await client.get('/api/v1/projects')).body['data']).toMatchObject([{ id: projectId }]);
      const login = { email: 'owner@holdfast.local', password: PASSWORD };
      expect((await client.post('/api/v1/auth/login', login)).status).toBe(200);
    }
    expect([...a.crashes, ...b.crashes]).toEqual([]);
  });

  test('what is written through one is followed through the other, with and without Redis', async () => {
    const session = await watch('latency');
    const lease = await world.client.post(`${session.path}/lease`, { holder: 'test', ttl_ms: 600_000 });
    const epoch = Number(lease.data['epoch']);
    await vi.waitFor(() => expect(followerOnB(session).lastId).toBe(2), WAIT);
    await measure(session, epoch, 20);
    say('Redis up', await measure(session, epoch, 200));

    await redis.stop();
    say('Redis stopped', await measure(session, epoch, 12));

    const before = [a, b].map(({ output }) => output.length);
    redis = found(await startRedis({ port: redis.port }));
    await vi.waitFor(() => {
      for (const [index, { output }] of [a, b].entries())
        expect(output.slice(before[index])).toContain('Redis is reachable again');
    }, WAIT);
    // From here on nothing polls: what arrives was hinted at.
    say('Redis back', await measure(session, epoch, 100));
    const { log } = await expectWhole(session);
    expect(log.filter(({ type }) => type === 'work.noted')).toHaveLength(332);
  });

  test('a server that is killed in mid-answer is replaced by the other, and followers see one answer', async () => {
    const agentId = await world.createAgent('Helper', ['calculate']);
    const session = await watch('mid-answer', agentId);
    const follower = followerOnB(session);
    const post = await onA(session);
    // Token by token, through the server that does not execute the run.
    await vi.waitFor(() => expect(follower.deltas.length).toBeGreaterThan(3), WAIT);
    const killedAt = performance.now();
    await a.kill();
    world.client.url = b.url;
    await vi.waitFor(() => expect(typesOf(follower)).toContain('run.resumed'), WAIT);
    const took = Math.round(performance.now() - killedAt);
    console.log(`recovered ${took} ms after the kill (lease ${LEASE_TTL_MS} ms, scan ${SCAN_MS} ms)`);
    await vi.waitFor(() => expect(typesOf(follower)).toContain('run.completed'), WAIT);

    // The follower that was on A has reconnected to B by now.
    const { log, runs, messages } = await expectWhole(session);
    expect(runs).toMatchObject([{ id: post, status: 'completed', recoveries: 1 }]);
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    const count = (type: string): number => log.filter((event) => event.type === type).length;
    expect([count('message.superseded'), count('run.completed')]).toEqual([1, 1]);
    const holders = log
      .filter(({ type }) => /^run\.(started|resumed)$/.test(type))
      .map(({ data }) => data['holder']);
    expect(new Set(holders).size).toBe(2);
    const answer = messages[1]!;
    const streamed = follower.deltas.filter(({ messageId }) => messageId === answer.id);
    expect(streamed.map(({ text }) => text).join('')).toBe(answer.content);
  });

  /** Posts through A until A itself is the one that executes the run. @returns the run */
  async function onA(session: Watched): Promise<string> {
    const { data } = await world.client.post(`${session.path}/messages`, { content: 'Hello, who are you?' });
    const run = data['run'] as { id: string };
    await vi.waitFor(async () => {
      const metrics = await fetch(`${a.url}/metrics`, { headers: world.client.headers });
      expect(await metrics.text()).toMatch(/^holdfast_runs_active 1$/m);
    }, WAIT);
    return run.id;
  }
});

const typesOf = (follower: Follower): string[] =>
  follower.received.map(({ json }) => (JSON.parse(json) as { type: string }).type);
