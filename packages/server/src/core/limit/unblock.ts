import { rateSubjectSchema, type RateBlock, type RateSubject } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { deleteBlock } from './queries.ts';
import { requireReach, subjectToCount } from './reach.ts';
import { toBlock } from './wire.ts';

/**
 * Ends a block, here at once, and forgives the ones before it. What was used stays counted until it is reset.
 * @throws FORBIDDEN; NOT_FOUND when there is no block; VALIDATION_ERROR
 */
export async function unblockSubject(ctx: Ctx, name: string, input: RateSubject): Promise<RateBlock> {
  const { tenant_id, subject } = rateSubjectSchema.parse(input);
  const reach = await requireReach(ctx, { policy: name, tenant_id, subject });
  const who = { tenantId: reach.tenantId, policy: name, subject: subjectToCount(reach).subject };
  return ctx.db.transaction(async (tx) => {
    const before = toBlock(await deleteBlock(tx, who));
    tx.afterCommit(() => ctx.limits.changed());
    await recordAudit(tx, auditor(ctx), {
      action: 'limit.unblocked',
      targets: [{ type: 'limit_subject', id: before.subject }],
      before,
    });
    return before;
  });
}
