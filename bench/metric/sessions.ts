import { Api } from '../harness/api.ts';
import type { Bench } from '../harness/bench.ts';
import { startProcess } from '../harness/followers.ts';
import { interleave } from '../harness/interleave.ts';
import { atLeast, type Row } from '../harness/row.ts';
import { profiled, withServer } from '../harness/server.ts';
import type { Sample } from '../harness/stats.ts';
import type { RequestLoad } from '../process/load.ts';

const CONCURRENCY = 16;

/** Sessions created a second, beside a bare server that answers the same request with the same bytes. */
export async function measureSessions(bench: Bench): Promise<Row[]> {
  const [load, raw] = await Promise.all([startProcess('load'), startProcess('raw-server')]);
  const rows: Row[] = [];
  try {
    const rawUrl = await raw.ask<string>('url');
    for (const engine of bench.engines) {
      await withServer(bench, engine, {}, async (server) => {
        const headers = { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' };
        const body = { project_id: server.projectId };
        const api = new Api(server.url, server.apiKey);
        const data = await api.post('/api/v1/sessions', body);
        await api.close();
        await raw.ask('setReply', JSON.stringify({ success: true, data }));
        const common = {
          path: '/api/v1/sessions',
          headers,
          body: JSON.stringify(body),
          concurrency: CONCURRENCY,
        };
        const run = (url: string): Promise<Sample> =>
          load.ask('requests', { ...common, url, count: bench.quick ? 500 : 6000 } satisfies RequestLoad);
        await run(server.url);
        const result = await interleave(bench.repetitions, {
          ours: () => run(server.url),
          raw: () => run(rawUrl),
        });
        await profiled(bench, `sessions on ${engine}`, server.child, () => run(server.url));
        const { value, p50, p95 } = result.of('ours');
        rows.push({
          id: `sessions/${engine}`,
          metric: `sessions created, ${CONCURRENCY} at a time`,
          engine,
          value,
          unit: 'sessions/s',
          better: 'higher',
          p50,
          p95,
          baseline: { name: 'bare node:http, same bytes', value: result.of('raw').value },
          ratio: result.ratio('ours', 'raw'),
          gates: engine === 'postgres' ? [atLeast(value, 3000, undefined, '/s')] : [],
        });
      });
    }
    return rows;
  } finally {
    await Promise.all([load.stop(), raw.stop()]);
  }
}
