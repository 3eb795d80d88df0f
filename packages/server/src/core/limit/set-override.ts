import { setRateOverrideSchema, type RateOverride, type SetRateOverride } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { auditor, recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { DomainError, invalid } from '../errors.ts';
import type { Tx } from '../ports.ts';
import { countOverrides, lockOverride, upsertOverride } from './override-queries.ts';
import { requireReach, requireWithinTier, type Reach } from './reach.ts';
import { toOverride } from './wire.ts';

/** Of one tenant; every server keeps all of them at hand. */
const MOST_OVERRIDES = 200;

/**
 * Sets other numbers for one subject or a whole tenant, in place of an earlier override of the same. In force at
 * once here, and within five seconds on other servers.
 * @throws FORBIDDEN above the tier, or for another tenant; NOT_FOUND; VALIDATION_ERROR; RESOURCE_CONFLICT over 200
 */
export async function setOverride(ctx: Ctx, name: string, input: SetRateOverride): Promise<RateOverride> {
  const { expires_at, reason, unlimited, minute, hour, day, burst, ...who } =
    setRateOverrideSchema.parse(input);
  const reach = await requireReach(ctx, { policy: name, ...who });
  const expiresAt = expires_at ? new Date(expires_at) : null;
  if (expiresAt !== null && !(expiresAt.getTime() > ctx.clock.now())) {
    throw invalid('expires_at', 'must be in the future');
  }
  const numbers = Object.entries({ minute, hour, day, burst }).filter(([, uses]) => uses !== undefined);
  const allowance = unlimited === true ? null : Object.fromEntries(numbers);
  await requireWithinTier(ctx, reach, allowance);
  const made = await ctx.db.transaction(async (tx) => {
    const before = await lockRoom(tx, reach);
    const row = await upsertOverride(tx, {
      tenant_id: reach.tenantId,
      id: before?.id ?? newId(),
      policy: name,
      subject: reach.subject,
      allowance: allowance === null ? null : JSON.stringify(allowance),
      reason,
      created_by: ctx.principal.actor,
      expires_at: expiresAt,
    });
    const after = toOverride(row);
    tx.afterCommit(() => ctx.limits.changed());
    await recordAudit(tx, auditor(ctx), {
      action: 'limit.override_set',
      targets: [{ type: 'limit_override', id: row.id, name }],
      before: before === null ? undefined : toOverride(before),
      after,
    });
    return after;
  });
  return made;
}

async function lockRoom(tx: Tx, { policy, tenantId, subject }: Reach) {
  const before = await lockOverride(tx, { tenant_id: tenantId, policy: policy.name, subject });
  if (before === null && (await countOverrides(tx, tenantId)) >= MOST_OVERRIDES) {
    throw new DomainError(
      'RESOURCE_CONFLICT',
      `There are ${MOST_OVERRIDES} overrides already; remove some first.`,
    );
  }
  return before;
}
