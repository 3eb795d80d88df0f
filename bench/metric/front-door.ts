import { Api } from '../harness/api.ts';
import type { Bench } from '../harness/bench.ts';
import { startProcess } from '../harness/followers.ts';
import { interleave } from '../harness/interleave.ts';
import { atLeast, atMost, type Row } from '../harness/row.ts';
import { createPlace, profiled, startServer } from '../harness/server.ts';
import type { Sample } from '../harness/stats.ts';
import type { RequestLoad } from '../process/load.ts';

/** So that what is counted is counted, and nothing is refused. */
const RATE_LIMITS = JSON.stringify({ '*': { minute: 100_000_000 } });

/** What authentication, limits and audit cost a GET, beside the same route without them. */
export async function measureFrontDoor(bench: Bench): Promise<Row[]> {
  if (bench.postgresUrl === null || !bench.engines.includes('postgres')) {
    bench.note('the front door is measured on PostgreSQL only, and was left out');
    return [];
  }
  const place = await createPlace(bench, 'postgres');
  const server = await startServer(place, { RATE_LIMITS });
  const [load, open] = await Promise.all([startProcess('load'), startProcess('open-door')]);
  try {
    const api = new Api(server.url, server.apiKey);
    const { tenant_id: tenantId } = await api.get<{ tenant_id: string }>('/api/v1/me');
    await api.close();
    const openUrl = await open.ask<string>('open', { databaseUrl: place.env.DATABASE_URL!, tenantId });
    const headers = { authorization: `Bearer ${server.apiKey}` };
    const path = `/api/v1/projects/${server.projectId}`;
    const rows: Row[] = [];
    for (const concurrency of [1, 16]) {
      const count = (concurrency === 1 ? 1500 : 8000) / (bench.quick ? 10 : 1);
      const run = (url: string): Promise<Sample> =>
        load.ask('requests', { url, path, headers, method: 'GET', concurrency, count } satisfies RequestLoad);
      await run(server.url);
      await run(openUrl);
      const result = await interleave(bench.repetitions, {
        guarded: () => run(server.url),
        open: () => run(openUrl),
      });
      const guarded = result.of('guarded');
      const added = guarded.p50! - result.of('open').p50!;
      const ratio = result.ratio('guarded', 'open');
      rows.push({
        id: `front-door/${concurrency}`,
        metric: `GET with authentication, limits and audit, ${concurrency} at a time`,
        engine: 'postgres',
        value: guarded.value,
        unit: 'requests/s',
        better: 'higher',
        p50: guarded.p50,
        p95: guarded.p95,
        baseline: { name: 'the same route without them', value: result.of('open').value },
        ratio,
        gates: concurrency === 1 ? [atMost(added, 1, undefined, 'ms p50 more')] : [atLeast(ratio, 0.7)],
      });
    }
    await profiled(bench, 'front-door', server.child, () =>
      load.ask('requests', { url: server.url, path, headers, method: 'GET', concurrency: 16, count: 8000 }),
    );
    return rows;
  } finally {
    await Promise.all([load.stop(), open.stop(), server.stop()]);
    await place.remove();
  }
}
