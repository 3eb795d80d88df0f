import type { RateOverride } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import { deleteOverrideRow } from './override-queries.ts';
import { isOperator } from './reach.ts';
import { toOverride } from './wire.ts';

/** The tier's numbers are in force again, at once here. @throws NOT_FOUND, also for another tenant's */
export async function deleteOverride(ctx: Ctx, id: string): Promise<RateOverride> {
  requireScope(ctx, 'admin');
  const whose = (await isOperator(ctx)) ? null : ctx.principal.tenantId;
  return ctx.db.transaction(async (tx) => {
    const before = toOverride(await deleteOverrideRow(tx, whose, id));
    tx.afterCommit(() => ctx.limits.changed());
    await recordAudit(tx, auditor(ctx), {
      action: 'limit.override_deleted',
      targets: [{ type: 'limit_override', id, name: before.policy }],
      before,
    });
    return before;
  });
}
