import pg from 'pg';
import { EventLog } from '../../packages/server/src/core/log/index.ts';
import { createLocalBus } from '../../packages/server/src/infra/bus/local-bus.ts';
import { systemClock } from '../../packages/server/src/infra/clock/system-clock.ts';
import type { Bench, Engine } from '../harness/bench.ts';
import { openDatabase, type Database, type Opened } from '../harness/database.ts';
import { interleave, type Interleaved } from '../harness/interleave.ts';
import { runPgbench } from '../harness/pgbench.ts';
import { startProfile, stopProfile } from '../harness/profile.ts';
import { atLeast, atMost, type Gate, type Row } from '../harness/row.ts';
import type { Sample } from '../harness/stats.ts';
import { runWriters, type Load } from '../harness/writers.ts';
import { appendByCte, appendByInsert, appendByLog, createLogs, pgbenchScript } from './append-schemes.ts';

type Scheme = 'ours' | 'insert' | 'cte' | 'pgbench';

const NAMES: Record<Exclude<Scheme, 'ours'>, string> = {
  insert: 'plain INSERTs, same driver',
  cte: 'single-statement CTE',
  pgbench: 'pgbench, same CTE',
};
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A log as the server makes it. */
export function createLog(db: Database): EventLog {
  return new EventLog({ db, bus: createLocalBus(), clock: systemClock, logger: silent });
}

/** Appends a second through the server's log, in this process, beside three other ways. */
export async function measureAppend(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const engine of bench.engines) {
    const opened = await openDatabase(bench, engine);
    try {
      for (const writers of [1, 64]) {
        for (const sessions of [1, 1000]) {
          const load = { writers, sessions, seconds: bench.quick ? 0.4 : 2 };
          rows.push(...toRows(engine, load, await measureLoad(bench, opened, load)));
        }
      }
      await profileAppend(bench, engine, opened);
    } finally {
      await opened.close();
    }
  }
  return rows;
}

/** The baselines get a connection for each writer; ours keeps its few. */
async function measureLoad(bench: Bench, opened: Opened, load: Load): Promise<Interleaved<Scheme>> {
  const { db, url } = opened;
  const log = createLog(db);
  const pool = url === null ? null : new pg.Pool({ connectionString: url, max: load.writers });
  const query =
    pool === null
      ? (statement: { name: string; text: string }, values: unknown[]) => db.query(statement, values)
      : (statement: { name: string; text: string }, values: unknown[]) =>
          pool.query({ ...statement, values });
  const withLogs = async (run: (tenantId: string) => Promise<Sample>): Promise<Sample> =>
    run(await createLogs(db, load.sessions));
  const variants: Record<string, () => Promise<Sample>> = {
    ours: () => withLogs((tenant) => runWriters(load, appendByLog(log, tenant))),
    insert: () => withLogs((tenant) => runWriters(load, appendByInsert(query, tenant))),
    cte: () => withLogs((tenant) => runWriters(load, appendByCte(query, tenant))),
  };
  const { pgbench } = bench;
  if (url !== null && pgbench !== null) {
    const { writers: clients, sessions, seconds } = load;
    variants.pgbench = () =>
      withLogs((tenant) =>
        runPgbench({ pgbench, databaseUrl: url, script: pgbenchScript(tenant, sessions), clients, seconds }),
      );
  }
  await runWriters({ ...load, seconds: 0.3 }, appendByLog(log, await createLogs(db, load.sessions)));
  try {
    return (await interleave(bench.repetitions, variants)) as Interleaved<Scheme>;
  } finally {
    log.close();
    await pool?.end();
  }
}

function toRows(engine: Engine, { writers, sessions }: Load, result: Interleaved<Scheme>): Row[] {
  const ours = result.of('ours');
  const metric = `append, ${writers} writer${writers === 1 ? '' : 's'} / ${sessions} session${sessions === 1 ? '' : 's'}`;
  return (['insert', 'cte', 'pgbench'] as const)
    .filter((scheme) => result.has(scheme))
    .map((scheme) => {
      const ratio = result.ratio('ours', scheme);
      return {
        id: `append/${engine}/${writers}x${sessions}/${scheme}`,
        metric,
        engine,
        value: ours.value,
        unit: 'events/s',
        better: 'higher',
        p50: ours.p50,
        p95: ours.p95,
        baseline: { name: NAMES[scheme], value: result.of(scheme).value },
        ratio,
        gates: gatesOf(`${engine}/${writers}x${sessions}/${scheme}`, ratio, ours),
      };
    });
}

function gatesOf(what: string, ratio: number, ours: Sample): Gate[] {
  if (what === 'postgres/64x1000/pgbench') return [atLeast(ratio, 1, 1.3)];
  if (what === 'postgres/64x1/cte') return [atLeast(ratio, 10, 25), atMost(ours.p95!, 5, 5, 'ms p95')];
  if (what === 'pglite/64x1000/cte')
    return [atLeast(ratio, 3.5, 4.5), atMost(ours.loop!, 10, 10, 'ms loop p99')];
  return [];
}

async function profileAppend(bench: Bench, engine: Engine, { db }: Opened): Promise<void> {
  if (!bench.profile) return;
  const log = createLog(db);
  const tenantId = await createLogs(db, 1000);
  await startProfile();
  await runWriters({ writers: 64, sessions: 1000, seconds: 2 }, appendByLog(log, tenantId));
  bench.note(`profile of append on ${engine}, 64 writers:\n  ${(await stopProfile()).join('\n  ')}`);
  log.close();
}
