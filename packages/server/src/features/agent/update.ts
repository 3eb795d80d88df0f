import { updateAgentSchema, type Agent, type UpdateAgent } from '@holdfast/protocol';
import { auditor, recordAudit } from '../../core/audit/index.ts';
import { requireScope, type Ctx } from '../../core/context.ts';
import { requireMatch } from '../../core/precondition.ts';
import { checkAgent } from './check.ts';
import { lockAgent, updateAgentRow } from './queries.ts';

/**
 * Changes the given fields; runs that have begun keep what they began with.
 * @throws NOT_FOUND, VALIDATION_ERROR, PRECONDITION_FAILED
 */
export async function updateAgent(ctx: Ctx, id: string, input: UpdateAgent): Promise<Agent> {
  requireScope(ctx, 'write');
  const { tools, budgets, ...change } = updateAgentSchema.parse(input);
  await checkAgent(ctx, { model: change.model, tools });
  const { tenantId } = ctx.principal;
  return ctx.db.transaction(async (tx) => {
    const before = await lockAgent(tx, tenantId, id);
    requireMatch(ctx, before);
    const after = await updateAgentRow(tx, tenantId, id, {
      ...change,
      ...(tools === undefined ? {} : { tools: JSON.stringify(tools) }),
      ...(budgets === undefined ? {} : { budgets: JSON.stringify(budgets) }),
    });
    const targets = [{ type: 'agent', id, name: after.name }];
    await recordAudit(tx, auditor(ctx), { action: 'agent.updated', targets, before, after });
    return after;
  });
}
