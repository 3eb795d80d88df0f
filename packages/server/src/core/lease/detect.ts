import { sql } from 'kysely';
import type { Services } from '../context.ts';
import { iso } from '../wire.ts';
import { stallLeases, type StalledLease } from './queries.ts';

const LOCK_KEY = 0x484f4c44; // 'HOLD'
const BATCH = 100;

/**
 * Marks leases whose holder has been silent longer than its TTL, and logs `session.stalled`.
 * Time is the database's; of several servers one scans at a time.
 * @param outsideToo false while holders outside could not reach any server, so their silence proves nothing
 * @returns how many sessions stalled
 */
export async function detectStalled(services: Services, outsideToo: boolean): Promise<number> {
  let total = 0;
  for (;;) {
    const stalled = await services.db.transaction(async (tx) => {
      const lock = sql<{ ok: boolean }>`select pg_try_advisory_xact_lock(${LOCK_KEY}) as ok`;
      if (!(await lock.execute(tx.kysely)).rows[0]!.ok) return [];
      const rows = await stallLeases(tx, outsideToo, BATCH);
      const byKey = (a: StalledLease, b: StalledLease) =>
        `${a.tenant_id}${a.session_id}` < `${b.tenant_id}${b.session_id}` ? -1 : 1;
      for (const row of rows.sort(byKey)) {
        const target = { tenantId: row.tenant_id, sessionId: row.session_id };
        const data = { epoch: row.epoch, holder: row.holder, last_heartbeat: iso(row.last_heartbeat) };
        await services.log.appendTx(tx, target, [{ type: 'session.stalled', actor: 'system', data }]);
        tx.afterCommit(() => services.signals.ready(target));
      }
      return rows;
    });
    total += stalled.length;
    if (stalled.length < BATCH) return total;
  }
}

/** When the database server was started: after a restart, silence proves nothing for a while. */
export async function databaseStartedAt(services: Pick<Services, 'db'>): Promise<string> {
  const started = sql<{ at: string }>`select pg_postmaster_start_time()::text as at`;
  return (await started.execute(services.db.kysely)).rows[0]!.at;
}
