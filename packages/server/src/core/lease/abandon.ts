import type { Services } from '../context.ts';
import { iso } from '../wire.ts';
import { stallHeldBy, type StalledLease } from './queries.ts';

/** Every server, for the start of the only one that can have this database open. */
export const ANY_SERVER = 'server:%';

/**
 * Stalls what a holder still holds although it is known to be gone: a server that stops, or at the start
 * of the only server whatever an earlier one left. Nobody need wait for the silence then.
 * @param holder its name, or ANY_SERVER
 * @returns how many sessions stalled
 */
export async function abandonLeases(services: Services, holder: string): Promise<number> {
  return services.db.transaction(async (tx) => {
    const rows = await stallHeldBy(tx, holder);
    const bySession = (a: StalledLease, b: StalledLease) => (a.session_id < b.session_id ? -1 : 1);
    for (const row of rows.sort(bySession)) {
      const target = { tenantId: row.tenant_id, sessionId: row.session_id };
      const data = { epoch: row.epoch, holder: row.holder, last_heartbeat: iso(row.last_heartbeat) };
      await services.log.appendTx(tx, target, [{ type: 'session.stalled', actor: 'system', data }]);
      tx.afterCommit(() => services.signals.ready(target));
    }
    return rows.length;
  });
}
