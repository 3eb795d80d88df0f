import { heartbeatSchema, type Heartbeat, type HeartbeatReply } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { notFound } from '../errors.ts';
import { isId, iso } from '../wire.ts';
import { beatLease, leaseLost, lockLease, type LeaseRow } from './queries.ts';

/** When a holder should beat next: a quarter of the TTL, jittered so that holders spread out. */
export function nextHeartbeatMs(ttlMs: number): number {
  return Math.round((ttlMs / 4) * (0.8 + Math.random() * 0.4));
}

/** Extends the lease; revives a stalled one that nobody has taken over. @throws LEASE_LOST, NOT_FOUND */
export async function heartbeat(ctx: Ctx, sessionId: string, input: Heartbeat): Promise<HeartbeatReply> {
  requireScope(ctx, 'hold');
  const { epoch, progress } = heartbeatSchema.parse(input);
  if (!isId(sessionId)) throw notFound('Session');
  const key = { tenantId: ctx.principal.tenantId, sessionId, epoch };
  const lease = (await beatLease(ctx.db, key, progress, false)) ?? (await revive(ctx, key, progress));
  return {
    epoch: lease.epoch,
    ttl_ms: lease.ttl_ms,
    next_heartbeat_ms: nextHeartbeatMs(lease.ttl_ms),
    last_heartbeat: iso(lease.last_heartbeat),
  };
}

function revive(
  ctx: Ctx,
  key: { tenantId: string; sessionId: string; epoch: number },
  progress: boolean,
): Promise<LeaseRow> {
  return ctx.db.transaction(async (tx) => {
    const before = await lockLease(tx, key.tenantId, key.sessionId);
    const lease = await beatLease(tx, key, progress, true);
    if (lease === null) throw leaseLost(before);
    if (before.stalled) {
      const data = { epoch: key.epoch, from_epoch: key.epoch, holder: lease.holder! };
      await ctx.log.appendTx(tx, key, [{ type: 'session.recovered', actor: ctx.principal.actor, data }]);
    }
    return lease;
  });
}
