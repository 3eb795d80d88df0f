import { startRunSchema, type Run, type StartRun } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { invalid } from '../errors.ts';
import { lockLease } from '../lease/index.ts';
import { transactOnce } from '../once/index.ts';
import { lockSession, requireActive } from '../session/index.ts';
import { together } from '../together.ts';
import { queueRun } from './queue.ts';

/**
 * Starts a run over the conversation as it stands, without a new message.
 * @throws NOT_FOUND; VALIDATION_ERROR when neither request nor session names an agent; RESOURCE_CONFLICT
 */
export async function startRun(ctx: Ctx, sessionId: string, input: StartRun): Promise<Run> {
  requireScope(ctx, 'write');
  const { agent_id } = startRunSchema.parse(input);
  const { tenantId } = ctx.principal;
  return transactOnce(ctx, `run.start:${sessionId}`, input, async (tx) => {
    await lockLease(tx, tenantId, sessionId);
    const session = await lockSession(tx, tenantId, sessionId);
    requireActive(session);
    const agentId = agent_id ?? session.agent_id;
    if (agentId === null) throw invalid('agent_id', 'is required, because the session has no agent');
    const queued = await queueRun(ctx, tx, session, agentId, null);
    const appended = ctx.log.appendTx(tx, { tenantId, sessionId }, queued.events);
    const [run] = await together([queued.run, appended]);
    return run;
  });
}
