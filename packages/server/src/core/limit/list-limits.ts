import type { RateLimits, RateOverride, RatePolicy } from '@holdfast/protocol';
import { SYSTEM_TENANT } from '../audit/index.ts';
import { requireScope, type Ctx, type Tier } from '../context.ts';
import type { LimitPolicy } from '../ports.ts';
import { selectOverrides } from './override-queries.ts';
import { selectBlocks } from './queries.ts';
import { isOperator } from './reach.ts';
import { isOfTenants } from './subject.ts';
import { findTier } from './tenant-queries.ts';
import { toBlock, toOverride } from './wire.ts';

const MOST = 200;

/** The policies with the numbers of the caller's tenant, its overrides and blocks; of all for the operator. */
export async function listLimits(ctx: Ctx): Promise<RateLimits> {
  requireScope(ctx, 'admin');
  const { tenantId } = ctx.principal;
  const [tier, operator] = await Promise.all([findTier(ctx.db, tenantId), isOperator(ctx)]);
  const whose = operator ? null : tenantId;
  const [overrides, blocks] = await Promise.all([
    selectOverrides(ctx.db, whose, MOST),
    selectBlocks(ctx.db, whose, MOST),
  ]);
  const general = overrides
    .filter(({ subject }) => subject === '')
    .map((row) => ({ row, wire: toOverride(row) }));
  const now = ctx.clock.now();
  return {
    tier,
    is_operator: operator,
    policies: ctx.limits.policies().map((policy) => {
      const owner = isOfTenants(policy) ? tenantId : SYSTEM_TENANT;
      const own = general.find(({ row }) => row.policy === policy.name && row.tenant_id === owner);
      return toPolicy(policy, tier, own?.wire, now);
    }),
    overrides: overrides.map(toOverride),
    blocks: blocks.map(toBlock),
  };
}

function toPolicy(
  policy: LimitPolicy,
  tier: Tier,
  override: RateOverride | undefined,
  now: number,
): RatePolicy {
  const tierAllowance = policy.allowances[tier];
  const inForce =
    override !== undefined && (override.expires_at === null || Date.parse(override.expires_at) > now);
  const allowance = inForce ? override.allowance : tierAllowance;
  return {
    policy: policy.name,
    description: policy.description,
    subject: policy.subject,
    allowance: allowance === null || Object.keys(allowance).length === 0 ? null : allowance,
    tier_allowance: tierAllowance,
    on_failure: policy.onFailure,
    slow_up_to: policy.stages.slowUpTo,
    block_after: policy.stages.blockAfter,
  };
}
