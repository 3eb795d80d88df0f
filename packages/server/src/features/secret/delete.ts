import { auditor, recordAudit } from '../../core/audit/index.ts';
import { requireScope, type Ctx } from '../../core/context.ts';
import { announceChange } from './change.ts';
import { deleteSecretRow, lockSecret } from './queries.ts';

/**
 * Deletes a secret with all its versions. The record of its uses stays.
 * @throws FORBIDDEN without `admin`; NOT_FOUND, also for another tenant's
 */
export async function deleteSecret(ctx: Ctx, id: string): Promise<void> {
  requireScope(ctx, 'admin');
  const { tenantId } = ctx.principal;
  await ctx.db.transaction(async (tx) => {
    const before = await lockSecret(tx, tenantId, id);
    await deleteSecretRow(tx, tenantId, id);
    announceChange(ctx, tx);
    const targets = [{ type: 'secret', id, name: before.name }];
    await recordAudit(tx, auditor(ctx), { action: 'secret.deleted', targets, before });
  });
}
