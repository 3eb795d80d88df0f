import { toolResultSchema, type Step, type ToolResult } from '@holdfast/protocol';
import { requireScope, type Ctx, type Services } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import { transactOnce } from '../once/index.ts';
import type { Tx } from '../ports.ts';
import { fetchRun, updateRun } from './queries.ts';
import { endedEvent } from './step-events.ts';
import { endStep, findStep, selectExpired, selectOpenSteps, toStep, type StepRow } from './step-queries.ts';

interface StepKey {
  tenantId: string;
  sessionId: string;
  runId: string;
  stepIndex: number;
}

/**
 * Takes the result of a tool that a client executes, and lets the run go on.
 * @throws NOT_FOUND; RESOURCE_CONFLICT when the step does not wait (answered, expired or not a client's)
 */
export async function postToolResult(
  ctx: Ctx,
  sessionId: string,
  runId: string,
  stepIndex: number,
  input: ToolResult,
): Promise<Step> {
  requireScope(ctx, 'write');
  const result = toolResultSchema.parse(input);
  const key = { tenantId: ctx.principal.tenantId, sessionId, runId, stepIndex };
  const output = result.error === undefined ? result.output : toolError('CLIENT_ERROR', result.error);
  return transactOnce(ctx, `tool.result:${runId}/${stepIndex}`, input, async (tx) => {
    const status = result.error === undefined ? 'completed' : 'failed';
    const step = await resolveWait(ctx, tx, key, ctx.principal.actor, status, output);
    if (step !== null) return toStep(step);
    const found = await findStep(tx, key.tenantId, runId, stepIndex);
    if (found === null) throw notFound('Step');
    throw new DomainError('RESOURCE_CONFLICT', 'The step does not wait for a result.', {
      details: { status: found.status },
    });
  });
}

/** Records the failure of every wait whose deadline has passed. @returns how many */
export async function expireWaits(services: Services): Promise<number> {
  const expired = await selectExpired(services.db, 100);
  let count = 0;
  for (const row of expired) {
    const key = {
      tenantId: row.tenant_id,
      sessionId: row.session_id,
      runId: row.run_id,
      stepIndex: row.step_index,
    };
    const output = toolError('TIMEOUT', 'No client answered before the deadline.');
    try {
      const step = await services.db.transaction((tx) =>
        resolveWait(services, tx, key, 'system', 'failed', output),
      );
      if (step !== null) count += 1;
    } catch (err) {
      // One that cannot be ended must not keep the others waiting.
      services.logger.error({ err, run_id: row.run_id }, 'a wait could not be ended; it will be tried again');
    }
  }
  return count;
}

const toolError = (code: string, message: string) => ({ error: { code, message } });

/** @returns null when the step does not wait */
async function resolveWait(
  services: Services,
  tx: Tx,
  key: StepKey,
  actor: string,
  status: 'completed' | 'failed',
  output: unknown,
): Promise<StepRow | null> {
  const { tenantId, sessionId, runId, stepIndex } = key;
  const run = await fetchRun(tx, tenantId, sessionId, runId, 'lock');
  const found = await findStep(tx, tenantId, runId, stepIndex);
  if (found?.status !== 'waiting') return null;
  const step = (await endStep(tx, { tenantId, runId, stepIndex }, status, output))!;
  await services.log.appendTx(tx, { tenantId, sessionId }, [endedEvent(step, actor)]);
  const open = await selectOpenSteps(tx, tenantId, runId);
  if (run.status === 'waiting' && open.length === 0) {
    await updateRun(tx, tenantId, runId, { status: 'running' });
    tx.afterCommit(() => services.signals.ready({ tenantId, sessionId }));
  }
  return step;
}
