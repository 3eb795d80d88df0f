import type { EventLog, Follower, Sink } from '../../packages/server/src/core/log/index.ts';
import type { Bench, Engine } from '../harness/bench.ts';
import { openDatabase, type Database } from '../harness/database.ts';
import { interleave } from '../harness/interleave.ts';
import { atLeast, type Row } from '../harness/row.ts';
import type { Sample } from '../harness/stats.ts';
import { runWriters } from '../harness/writers.ts';
import { appendByLog, createLogs, sessionId } from './append-schemes.ts';
import { createLog } from './append.ts';

const SESSIONS = 1000;

/** Appending with one follower on each of 1,000 sessions, beside appending alone. */
export async function measureDeliver(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const engine of bench.engines) {
    const { db, close } = await openDatabase(bench, engine);
    try {
      rows.push(await measureEngine(bench, engine, db));
    } finally {
      await close();
    }
  }
  return rows;
}

async function measureEngine(bench: Bench, engine: Engine, db: Database): Promise<Row> {
  const load = { writers: 64, sessions: SESSIONS, seconds: bench.quick ? 0.4 : 2 };
  const followed = createLog(db);
  const plain = createLog(db);
  try {
    const result = await interleave(bench.repetitions, {
      ours: () => appendAndDeliver(db, followed, load),
      append: async () => runWriters(load, appendByLog(plain, await createLogs(db, SESSIONS))),
    });
    const ours = result.of('ours');
    const ratio = result.ratio('ours', 'append');
    return {
      id: `deliver/${engine}/64x1000`,
      metric: 'append + deliver, 64 writers / 1000 sessions',
      engine,
      value: ours.value,
      unit: 'events/s',
      better: 'higher',
      p50: ours.p50,
      p95: ours.p95,
      baseline: { name: 'append only', value: result.of('append').value },
      ratio,
      gates: [atLeast(ratio, 0.6, 0.9)],
    };
  } finally {
    followed.close();
    plain.close();
  }
}

/** The clock stops when the last event has reached its follower. */
async function appendAndDeliver(
  db: Database,
  log: EventLog,
  load: { writers: number; sessions: number; seconds: number },
): Promise<Sample> {
  const tenantId = await createLogs(db, SESSIONS);
  let bytes = 0;
  let delivered = 0;
  const sink: Sink = {
    write: (frame) => {
      delivered += 1;
      bytes += frame.sse.length;
      return true;
    },
    writeEphemeral: () => true,
    close: () => {},
  };
  const followers: Follower[] = [];
  for (let session = 0; session < SESSIONS; session += 1) {
    const { start } = await log.hub.open({ tenantId, sessionId: sessionId(session) }, 0);
    followers.push(start(sink));
  }
  const begun = performance.now();
  let appended = 0;
  const append = appendByLog(log, tenantId);
  const sample = await runWriters(load, async (session) => {
    await append(session);
    appended += 1;
  });
  while (delivered < appended) await new Promise((resolve) => setImmediate(resolve));
  const value = appended / ((performance.now() - begun) / 1000);
  for (const follower of followers) follower.stop();
  if (delivered !== appended || bytes === 0) throw new Error(`${delivered} of ${appended} were delivered.`);
  return { ...sample, value };
}
