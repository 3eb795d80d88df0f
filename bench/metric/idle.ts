import { setTimeout as pause } from 'node:timers/promises';
import { Api } from '../harness/api.ts';
import type { Bench } from '../harness/bench.ts';
import type { Child } from '../harness/child.ts';
import { Followers, sseTarget, startProcess } from '../harness/followers.ts';
import { interleave } from '../harness/interleave.ts';
import { openFiles } from '../harness/open-files.ts';
import { atMost, type Row } from '../harness/row.ts';
import { withServer, type Server } from '../harness/server.ts';
import type { Sample } from '../harness/stats.ts';
import type { Target } from '../process/connection.ts';

/** Before any look, so that the heap has the size that a busy server's has anyway. */
const WARM_REQUESTS = 4000;
/** What the first few hundred cost is mostly the server warming up, and not counted. */
const FIRST = 2000;
const SETTLE_MS = 500;

/** Resident memory of a follower who waits, beside a `node:http` server that keeps its responses. */
export async function measureIdle(bench: Bench): Promise<Row[]> {
  const count = bench.quick ? 500 : Math.min(8000, openFiles() - FIRST - 500);
  const followers = await Followers.start();
  const ours = (sessions: number) => (): Promise<Sample> =>
    withServer(bench, bench.mainEngine, {}, async (server) => {
      const paths = await createSessions(server, WARM_REQUESTS);
      const targets = paths.slice(0, sessions).map((path) => sseTarget(server, path));
      return growth(followers, server.child, targets, count);
    });
  try {
    const result = await interleave(bench.repetitions, {
      ours: ours(1),
      spread: ours(FIRST + count),
      plain: () => measurePlain(followers, count),
    });
    const baseline = { name: 'node:http, res.write', value: result.of('plain').value };
    const row = (name: 'ours' | 'spread', metric: string): Row => ({
      id: `idle/memory/${name}`,
      metric,
      engine: bench.mainEngine,
      value: result.of(name).value,
      unit: 'KiB',
      better: 'lower',
      baseline,
      ratio: result.ratio(name, 'plain'),
      gates: name === 'ours' ? [atMost(result.ratio(name, 'plain'), 1.5, 1.2)] : [],
    });
    return [
      row('ours', 'idle memory a follower, all on one session'),
      row('spread', 'idle memory a follower, each on its own session'),
    ];
  } finally {
    await followers.stop();
  }
}

/** @returns where the log of each is followed */
async function createSessions({ url, apiKey, projectId }: Server, count: number): Promise<string[]> {
  const api = new Api(url, apiKey);
  const paths: string[] = [];
  const worker = async (): Promise<void> => {
    while (paths.length < count) {
      const at = paths.push('') - 1;
      const { id } = await api.post<{ id: string }>('/api/v1/sessions', { project_id: projectId });
      paths[at] = `/api/v1/sessions/${id}/events`;
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  await api.close();
  return paths;
}

async function measurePlain(followers: Followers, count: number): Promise<Sample> {
  const server = await startProcess('raw-server');
  try {
    const url = await server.ask<string>('url');
    const api = new Api(url, '', 8);
    const warm = async (): Promise<void> => {
      for (let sent = 0; sent < WARM_REQUESTS; sent += 1) await api.post('/', { text: 'x'.repeat(500) });
    };
    await Promise.all(Array.from({ length: 8 }, warm));
    await api.close();
    return await growth(followers, server, [{ kind: 'sse', url, path: '/plain', headers: {} }], count);
  } finally {
    await server.stop();
  }
}

/** KiB that each of `count` further connections adds, garbage collected before both looks. */
async function growth(
  followers: Followers,
  server: Child,
  targets: Target[],
  count: number,
): Promise<Sample> {
  const all = Array.from({ length: FIRST + count }, (_, index) => targets[index % targets.length]!);
  await followers.open(all.slice(0, FIRST));
  await pause(SETTLE_MS);
  const before = await server.usage(true);
  await followers.open(all.slice(FIRST));
  await pause(SETTLE_MS);
  const after = await server.usage(true);
  await followers.close();
  return { value: (after.rss - before.rss) / 1024 / count };
}
