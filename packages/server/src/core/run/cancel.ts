import { cancelRunSchema, type CancelRun, type Run } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import { lockLease, revokeLease } from '../lease/index.ts';
import type { ServerEvent } from '../log/index.ts';
import type { Tx } from '../ports.ts';
import { fetchRun, toRun, updateRun, type RunRow } from './queries.ts';
import { endStep, selectOpenSteps } from './step-queries.ts';
import { endedEvent } from './step-events.ts';

/**
 * Ends a run now, whatever its holder is doing; a cancelled one stays as it is.
 * @throws NOT_FOUND; RESOURCE_CONFLICT when it has completed or failed
 */
export async function cancelRun(ctx: Ctx, sessionId: string, runId: string, input: CancelRun): Promise<Run> {
  requireScope(ctx, 'write');
  const { reason } = cancelRunSchema.parse(input);
  const { tenantId } = ctx.principal;
  return ctx.db.transaction(async (tx) => {
    await fetchRun(tx, tenantId, sessionId, runId);
    await lockLease(tx, tenantId, sessionId);
    const run = await fetchRun(tx, tenantId, sessionId, runId, 'lock');
    if (run.status === 'cancelled') return toRun(run);
    if (run.ended_at !== null) {
      throw new DomainError('RESOURCE_CONFLICT', `The run has already ${run.status}.`, {
        details: { status: run.status },
      });
    }
    const events = await cancelRows(ctx, tx, sessionId, [run], reason);
    await ctx.log.appendTx(tx, { tenantId, sessionId }, events);
    return toRun(await fetchRun(tx, tenantId, sessionId, runId));
  });
}

/**
 * Cancels unfinished runs. The server's own executor loses its lease, so that the next run need
 * not wait for it; a holder outside keeps it and finds its run ended.
 * @returns the events, for the caller to append
 */
export async function cancelRows(
  ctx: Ctx,
  tx: Tx,
  sessionId: string,
  runs: readonly RunRow[],
  reason: string,
): Promise<ServerEvent[]> {
  const { tenantId, actor } = ctx.principal;
  const events: ServerEvent[] = [];
  for (const run of runs) {
    events.push(...(await endOpenSteps(tx, tenantId, run.id, actor, { code: 'CANCELLED', message: reason })));
    const ended = await updateRun(tx, tenantId, run.id, { status: 'cancelled', cancelReason: reason });
    events.push({
      type: 'run.cancelled',
      actor,
      data: { run_id: run.id, steps: ended.step_count, usage: toRun(ended).usage, reason },
    });
    if (run.status === 'running') await revokeLease(tx, tenantId, sessionId, 'server');
    tx.afterCommit(() => ctx.signals.cancelled(run.id));
  }
  tx.afterCommit(() => ctx.signals.ready({ tenantId, sessionId }));
  return events;
}

/**
 * What was begun and will not end: an answer nobody finished is superseded, so that followers drop it.
 * @param answerId the one message that was finished nevertheless
 */
export async function endOpenSteps(
  tx: Tx,
  tenantId: string,
  runId: string,
  actor: string,
  { code, message }: { code: string; message: string },
  answerId?: string,
): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for (const step of await selectOpenSteps(tx, tenantId, runId)) {
    const key = { tenantId, runId, stepIndex: step.step_index };
    const ended = await endStep(tx, key, 'failed', { error: { code, message } });
    if (ended === null) continue;
    if (step.message_id !== null && step.message_id !== answerId) {
      const data = { message_id: step.message_id, run_id: runId, reason: message };
      events.push({ type: 'message.superseded', actor, data });
    }
    events.push(endedEvent(ended, actor));
  }
  return events;
}
