import { claimLeaseSchema, type ClaimLease, type Lease } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { DomainError, invalid } from '../errors.ts';
import { lockLease, nextHeartbeatMs, takeLease } from '../lease/index.ts';
import type { ServerEvent } from '../log/index.ts';
import { transactOnce } from '../once/index.ts';
import type { Tx } from '../ports.ts';
import { fetchSession, requireActive } from '../session/index.ts';
import { iso } from '../wire.ts';
import { reopenSteps } from './claim.ts';
import { selectUnfinished, toRun, updateRun, type RunRow } from './queries.ts';
import { selectSteps, toStep } from './step-queries.ts';

/**
 * Makes an outside holder the holder of a session that is free or stalled, or that it held before.
 * The answer carries the unfinished run and its recorded steps, to go on from.
 * @throws RESOURCE_CONFLICT while another holder is alive, or the session is closed; NOT_FOUND
 */
export async function claimSession(ctx: Ctx, sessionId: string, input: ClaimLease): Promise<Lease> {
  requireScope(ctx, 'hold');
  const { holder, ttl_ms = ctx.settings.leaseTtlMs } = claimLeaseSchema.parse(input);
  if (holder.startsWith('server:')) throw invalid('holder', 'must not begin with "server:"');
  const { tenantId, actor } = ctx.principal;
  return transactOnce(ctx, `lease.claim:${sessionId}`, input, async (tx) => {
    const before = await lockLease(tx, tenantId, sessionId);
    if (before.holder !== null && !before.stalled && before.holder !== holder) {
      throw new DomainError('RESOURCE_CONFLICT', 'Another holder is alive.', {
        details: { holder: before.holder, epoch: before.epoch, last_heartbeat: iso(before.last_heartbeat) },
      });
    }
    requireActive(await fetchSession(tx, tenantId, sessionId));
    const { epoch } = await takeLease(tx, tenantId, sessionId, holder, ttl_ms);
    const run = (await selectUnfinished(tx, tenantId, sessionId, 'lock'))[0] ?? null;
    const events: ServerEvent[] = [{ type: 'lease.claimed', actor, data: { epoch, holder, ttl_ms } }];
    if (before.stalled) {
      events.push({ type: 'session.recovered', actor, data: { epoch, from_epoch: before.epoch, holder } });
    }
    const taker = { epoch, holder, actor, lost: before.holder !== null };
    const after = run === null ? null : await takeRun(tx, tenantId, run, taker, events);
    await ctx.log.appendTx(tx, { tenantId, sessionId }, events);
    const steps = after === null ? [] : await selectSteps(tx, tenantId, after.id);
    return {
      session_id: sessionId,
      epoch,
      holder,
      ttl_ms,
      next_heartbeat_ms: nextHeartbeatMs(ttl_ms),
      last_seq: (await fetchSession(tx, tenantId, sessionId)).last_seq,
      run: after === null ? null : toRun(after),
      steps: steps.map(toStep),
    };
  });
}

async function takeRun(
  tx: Tx,
  tenantId: string,
  run: RunRow,
  { epoch, holder, actor, lost }: { epoch: number; holder: string; actor: string; lost: boolean },
  events: ServerEvent[],
): Promise<RunRow> {
  if (run.status === 'queued') {
    events.push({ type: 'run.started', actor, data: { run_id: run.id, epoch, holder } });
    return updateRun(tx, tenantId, run.id, { status: 'running', epoch });
  }
  const reopened = await reopenSteps(tx, tenantId, run.id, epoch, actor);
  const from_step = reopened.firstIndex ?? run.step_count;
  events.push({ type: 'run.resumed', actor, data: { run_id: run.id, epoch, holder, from_step } });
  events.push(...reopened.events);
  return updateRun(tx, tenantId, run.id, { status: run.status, epoch, newRecoveries: lost ? 1 : 0 });
}
