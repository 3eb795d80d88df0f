import { rateSubjectSchema, type RateSubject, type RateUsage } from '@holdfast/protocol';
import type { Ctx } from '../context.ts';
import { findBlock } from './queries.ts';
import { requireReach, subjectToCount, type Reach } from './reach.ts';
import { findTier } from './tenant-queries.ts';
import { isOfTenants } from './subject.ts';

/** What a subject has left, without counting. @throws FORBIDDEN; NOT_FOUND; VALIDATION_ERROR */
export async function getLimitUsage(ctx: Ctx, name: string, input: RateSubject): Promise<RateUsage> {
  const who = rateSubjectSchema.parse(input);
  return readUsage(ctx, await requireReach(ctx, { policy: name, ...who }));
}

export async function readUsage(ctx: Ctx, reach: Reach): Promise<RateUsage> {
  const { policy, tenantId } = reach;
  const counted = subjectToCount(reach);
  const tier = isOfTenants(policy) ? await findTier(ctx.db, tenantId) : 'free';
  const [state, block] = await Promise.all([
    ctx.limits.peek({ policy: policy.name, ...counted, tier }),
    findBlock(ctx.db, { tenantId, policy: policy.name, subject: counted.subject }),
  ]);
  return {
    policy: policy.name,
    subject: counted.subject,
    limit: state?.limit ?? null,
    remaining: state?.remaining ?? null,
    window_seconds: state === null ? null : Math.ceil(state.windowMs / 1000),
    reset_at: state === null ? null : new Date(state.resetAt).toISOString(),
    blocked_until: block?.blocked_until.toISOString() ?? null,
  };
}
