import pg from 'pg';
import { Api, HeldSession } from '../harness/api.ts';
import type { Bench } from '../harness/bench.ts';
import { Followers, sseTarget } from '../harness/followers.ts';
import { interleave } from '../harness/interleave.ts';
import { atLeast, type Row } from '../harness/row.ts';
import { createPlace, profiled, startServer } from '../harness/server.ts';
import { DATA } from './append-schemes.ts';

const MARKER = '\ndata: {"seq":';
const PAGE = 2000;
/** As text, as our own connections leave it. */
const types = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;

/** A long log to one new reader, beside reading the same rows with the bare driver. */
export async function measureReplay(bench: Bench): Promise<Row[]> {
  if (bench.postgresUrl === null || !bench.engines.includes('postgres')) {
    bench.note('replay is measured on PostgreSQL only, and was left out');
    return [];
  }
  const count = bench.quick ? 10_000 : 100_000;
  const place = await createPlace(bench, 'postgres');
  const followers = await Followers.start();
  const server = await startServer(place);
  const api = new Api(server.url, server.apiKey);
  const pool = new pg.Pool({ connectionString: place.env.DATABASE_URL, max: 1, types });
  try {
    const session = await HeldSession.create(api, server.projectId);
    await session.fill(count, () => DATA, { size: 100, window: 8 });
    await pool.query('vacuum (analyze) events');
    const id = session.path.split('/')[4]!;
    const read = (): Promise<number> =>
      followers.replay({ target: sseTarget(server, session.path), marker: MARKER, events: count });
    const perSecond = (ms: number) => ({ value: count / (ms / 1000) });
    await read();
    const result = await interleave(bench.repetitions, {
      ours: async () => perSecond(await read()),
      rows: async () => perSecond(await readRows(pool, id, count)),
    });
    await profiled(bench, 'replay', server.child, read);
    const ratio = result.ratio('ours', 'rows');
    return [
      {
        id: 'replay/postgres',
        metric: `replay of ${count} events to one reader`,
        engine: 'postgres',
        value: result.of('ours').value,
        unit: 'events/s',
        better: 'higher',
        baseline: { name: 'raw json text rows, pg', value: result.of('rows').value },
        ratio,
        gates: [atLeast(ratio, 0.4, 0.7)],
      },
    ];
  } finally {
    await Promise.all([api.close(), pool.end(), server.stop(), followers.stop()]);
    await place.remove();
  }
}

/** The same columns in the same pages by the same key, as text, with nothing made of them. */
async function readRows(pool: pg.Pool, sessionId: string, count: number): Promise<number> {
  const text = `select seq, type, actor, client_msg_id, data, created_at from events
    where tenant_id = (select tenant_id from sessions where id = $1) and session_id = $1 and seq > $2
    order by seq limit ${PAGE}`;
  const begun = performance.now();
  let read = 0;
  for (let after = '0'; read < count;) {
    const { rows } = await pool.query<{ seq: string; data: string }>({
      name: 'bench_rows',
      text,
      values: [sessionId, after],
    });
    if (rows.length === 0) throw new Error(`The log ended after ${read} events.`);
    read += rows.length;
    after = rows.at(-1)!.seq;
  }
  return performance.now() - begun;
}
