import { Api, HeldSession } from '../harness/api.ts';
import type { Bench } from '../harness/bench.ts';
import type { Child } from '../harness/child.ts';
import { startProcess, sseTarget } from '../harness/followers.ts';
import { interleave } from '../harness/interleave.ts';
import { atMost, type Row } from '../harness/row.ts';
import { createPlace, startServer, type Server } from '../harness/server.ts';
import type { Sample } from '../harness/stats.ts';
import type { CrossInput } from '../process/cross.ts';
import { DATA } from './append-schemes.ts';

/** How much later a follower of another server sees an event, beside what Redis itself takes. */
export async function measureTwoServers(bench: Bench): Promise<Row[]> {
  if (bench.redisUrl === null || bench.postgresUrl === null || !bench.engines.includes('postgres')) {
    bench.note('two servers need PostgreSQL and Redis, and were left out');
    return [];
  }
  const place = await createPlace(bench, 'postgres');
  const client = await startProcess('cross');
  const env = { REDIS_URL: bench.redisUrl };
  const writer = await startServer(place, env);
  const other = await startServer(place, env);
  const api = new Api(writer.url, writer.apiKey);
  try {
    const session = await HeldSession.create(api, writer.projectId);
    return [await compare(bench, client, session, writer, other)];
  } finally {
    await Promise.all([api.close(), writer.stop(), other.stop(), client.stop()]);
    await place.remove();
  }
}

async function compare(
  bench: Bench,
  client: Child,
  session: HeldSession,
  writer: Server,
  other: Server,
): Promise<Row> {
  const times = bench.quick ? 30 : 300;
  const path = `${session.path}?after=1`;
  const input: CrossInput = {
    near: sseTarget(writer, path),
    far: sseTarget({ url: other.url, apiKey: writer.apiKey }, path),
    url: writer.url + session.path,
    headers: { authorization: `Bearer ${writer.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(session.body([DATA])),
    times,
  };
  const result = await interleave(bench.repetitions, {
    ours: () => client.ask<Sample>('events', input),
    redis: () => client.ask<Sample>('redis', { url: bench.redisUrl!, times }),
  });
  const ours = result.of('ours');
  const redis = result.of('redis');
  const more = ours.value - redis.value;
  return {
    id: 'two-servers/latency',
    metric: "a follower on the other server: later than the writer's",
    engine: 'postgres + redis',
    value: ours.value,
    unit: 'ms p50',
    better: 'lower',
    p50: ours.p50,
    p95: ours.p95,
    baseline: { name: 'Redis publish to subscriber, p50', value: redis.value },
    ratio: result.ratio('ours', 'redis'),
    gates: [atMost(more, 1, 0.5, 'ms more')],
  };
}
