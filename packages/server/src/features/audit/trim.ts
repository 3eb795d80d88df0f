import { holdChain, recordAudit } from '../../core/audit/index.ts';
import type { Services } from '../../core/context.ts';
import type { SignedHead, Tx } from '../../core/ports.ts';
import { deletePrefix, saveCheckpoint, selectExpiredChains, selectOldest } from './chain-queries.ts';

type TrimServices = Pick<Services, 'db' | 'notary' | 'clock'>;

const BATCH = 5000;
const DAY_MS = 86_400_000;

/**
 * Deletes entries older than `days`: of each chain a prefix. The last deleted entry becomes a signed checkpoint from
 * which verification begins. Each deletion is recorded in its chain, so that none becomes empty; one entry alone stays.
 * @returns how many entries were deleted
 */
export async function trimAudit(services: TrimServices, days: number): Promise<number> {
  const cutoff = new Date(services.clock.now() - days * DAY_MS);
  let total = 0;
  for (const tenantId of await selectExpiredChains(services.db, cutoff)) {
    for (let deleted = BATCH; deleted === BATCH; total += deleted) {
      deleted = await trimBatch(services, tenantId, cutoff);
    }
  }
  return total;
}

async function trimBatch(
  { db, notary, clock }: TrimServices,
  tenantId: string,
  cutoff: Date,
): Promise<number> {
  const trim = async (tx: Tx): Promise<{ deleted: number; checkpoint: SignedHead | null }> => {
    await holdChain(tx, tenantId);
    const oldest = await selectOldest(tx, tenantId, BATCH);
    const end = oldest.findIndex(({ occurred_at }) => occurred_at >= cutoff);
    const expired = end === -1 ? oldest : oldest.slice(0, end);
    const last = expired.at(-1);
    if (last === undefined) return { deleted: 0, checkpoint: null };
    const { seq, hash } = last;
    const checkpoint = notary.sign({ kind: 'checkpoint', tenant_id: tenantId, seq, hash }, clock.now());
    await saveCheckpoint(tx, { tenant_id: tenantId, seq, statement: JSON.stringify(checkpoint) });
    await deletePrefix(tx, tenantId, seq);
    await recordAudit(
      tx,
      { tenantId, actor: 'server:retention' },
      {
        action: 'audit.trimmed',
        targets: [{ type: 'audit_log', id: tenantId }],
        details: { through_seq: seq, entries: expired.length, before: cutoff.toISOString() },
      },
    );
    return { deleted: expired.length, checkpoint };
  };
  const { deleted, checkpoint } = await db.transaction(trim);
  if (checkpoint !== null) await notary.append([checkpoint]);
  return deleted;
}
