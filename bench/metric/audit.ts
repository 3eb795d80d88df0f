import { randomUUID } from 'node:crypto';
import { recordAudit } from '../../packages/server/src/core/audit/index.ts';
import type { Tx } from '../../packages/server/src/core/ports.ts';
import type { Bench } from '../harness/bench.ts';
import { openDatabase, type Database } from '../harness/database.ts';
import { interleave } from '../harness/interleave.ts';
import type { Row } from '../harness/row.ts';
import { runWriters } from '../harness/writers.ts';

const WRITERS = 16;
const CLIENT = { ip: '203.0.113.7', userAgent: 'bench' };

/** A change and its audit entry in one transaction, beside the change alone: of one tenant, and of twenty. */
export async function measureAudit(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const engine of bench.engines) {
    const { db, close } = await openDatabase(bench, engine);
    try {
      for (const count of [1, 20]) {
        const tenants = await createTenants(db, count);
        const load = { writers: WRITERS, sessions: count, seconds: bench.quick ? 0.4 : 2 };
        const change = (audited: boolean) =>
          runWriters(load, (n) => db.transaction((tx) => addProject(tx, tenants[n]!, audited)));
        await change(true);
        const result = await interleave(bench.repetitions, {
          ours: () => change(true),
          without: () => change(false),
        });
        const { value, p50, p95 } = result.of('ours');
        rows.push({
          id: `audit/${engine}/${count}`,
          metric: `audited changes, ${WRITERS} writers / ${count} tenant${count === 1 ? '' : 's'}`,
          engine,
          value,
          unit: 'changes/s',
          better: 'higher',
          p50,
          p95,
          baseline: { name: 'the same change, no entry', value: result.of('without').value },
          ratio: result.ratio('ours', 'without'),
        });
      }
    } finally {
      await close();
    }
  }
  return rows;
}

async function createTenants(db: Database, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await db.kysely
    .insertInto('tenants')
    .values(ids.map((id) => ({ id, name: 'Bench' })))
    .execute();
  return ids;
}

async function addProject(tx: Tx, tenantId: string, audited: boolean): Promise<void> {
  const id = randomUUID();
  const name = 'A project';
  await tx.kysely.insertInto('projects').values({ tenant_id: tenantId, id, name }).execute();
  if (!audited) return;
  const who = { tenantId, actor: 'user:bench', client: CLIENT, requestId: id };
  await recordAudit(tx, who, {
    action: 'project.created',
    targets: [{ type: 'project', id, name }],
    after: { id, name, metadata: {}, created_at: '2030-01-01T00:00:00.000Z' },
  });
}
