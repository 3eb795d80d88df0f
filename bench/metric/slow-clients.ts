import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Api, HeldSession } from '../harness/api.ts';
import type { Bench } from '../harness/bench.ts';
import type { Child } from '../harness/child.ts';
import { Followers, sseTarget, startProcess } from '../harness/followers.ts';
import { interleave } from '../harness/interleave.ts';
import { atMost, type Row } from '../harness/row.ts';
import { withServer } from '../harness/server.ts';
import type { Sample } from '../harness/stats.ts';
import type { Target } from '../process/connection.ts';

const CLIENTS = 50;
const EVENT_BYTES = 20_000;
const LOOK_MS = 25;
const WATCH_MS = 4000;

/** Clients that never read, each with 20 MB to come: half of it there already, half written meanwhile. */
export async function measureSlowClients(bench: Bench): Promise<Row[]> {
  const followers = await Followers.start();
  const megabytes = bench.quick ? 4 : 20;
  const repetitions = Math.min(bench.repetitions, 3);
  try {
    const result = await interleave(repetitions, {
      ours: () => measureOurs(bench, followers, megabytes),
      queue: () => measureQueue(followers, megabytes),
    });
    const { value } = result.of('ours');
    return [
      {
        id: 'slow-clients/memory',
        metric: `${CLIENTS} clients that do not read, ${megabytes} MB each`,
        engine: bench.mainEngine,
        value,
        unit: 'GB peak',
        better: 'lower',
        baseline: { name: 'node:http, queueing a copy each', value: result.of('queue').value },
        ratio: result.ratio('ours', 'queue'),
        gates: [atMost(value, 0.25, 0.15, 'GB')],
      },
    ];
  } finally {
    await followers.stop();
  }
}

function measureOurs(bench: Bench, followers: Followers, megabytes: number): Promise<Sample> {
  return withServer(bench, bench.mainEngine, {}, async (server) => {
    const api = new Api(server.url, server.apiKey, 4);
    const session = await HeldSession.create(api, server.projectId);
    const half = (megabytes * 1e6) / EVENT_BYTES / 2;
    const write = (): Promise<void> =>
      session.fill(half, () => ({ text: randomBytes(EVENT_BYTES / 2).toString('hex') }), {
        size: 20,
        window: 2,
      });
    await write();
    const before = await server.child.usage(true);
    const peak = await watch(server.child, async () => {
      await followers.open(
        Array.from({ length: CLIENTS }, () => sseTarget(server, session.path)),
        true,
      );
      await write();
      await pause(WATCH_MS);
    });
    await followers.close();
    await api.close();
    return { value: (peak - before.rss) / 1e9 };
  });
}

/** What ignores the answer of `write` keeps everything in memory. */
async function measureQueue(followers: Followers, megabytes: number): Promise<Sample> {
  const server = await startProcess('raw-server');
  try {
    await server.ask('setFrame', 'x'.repeat(EVENT_BYTES));
    await server.ask('setFlood', megabytes * 1e6);
    const target: Target = { kind: 'sse', url: await server.ask('url'), path: '/plain', headers: {} };
    const before = await server.usage(true);
    const peak = await watch(server, async () => {
      await followers.open(
        Array.from({ length: CLIENTS }, () => target),
        true,
      );
      await pause(WATCH_MS);
    });
    await followers.close();
    return { value: (peak - before.rss) / 1e9 };
  } finally {
    await server.stop();
  }
}

/** @returns the largest resident memory seen while `work` runs, bytes */
async function watch(child: Child, work: () => Promise<void>): Promise<number> {
  let peak = 0;
  let done = false;
  const watching = (async () => {
    while (!done) {
      peak = Math.max(peak, (await child.usage()).rss);
      await pause(LOOK_MS);
    }
  })();
  await work().finally(() => (done = true));
  await watching;
  return peak;
}
