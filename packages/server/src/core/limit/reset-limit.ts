import { rateSubjectSchema, type RateSubject, type RateUsage } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { readUsage } from './read-usage.ts';
import { subjectToCount, requireReach } from './reach.ts';

/** Forgets what a subject has used: its whole allowance is back. @throws FORBIDDEN; NOT_FOUND; VALIDATION_ERROR */
export async function resetLimit(ctx: Ctx, name: string, input: RateSubject): Promise<RateUsage> {
  const { tenant_id, subject } = rateSubjectSchema.parse(input);
  const reach = await requireReach(ctx, { policy: name, tenant_id, subject });
  const counted = subjectToCount(reach);
  await ctx.db.transaction((tx) =>
    recordAudit(tx, auditor(ctx), {
      action: 'limit.reset',
      targets: [{ type: 'limit_subject', id: subject }],
      details: { policy: name },
    }),
  );
  await ctx.limits.reset({ policy: name, ...counted });
  return readUsage(ctx, reach);
}
