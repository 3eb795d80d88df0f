import { updateAgentSchema, type Agent, type UpdateAgent } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../../core/context.ts';
import { checkAgent } from './check.ts';
import { updateAgentRow } from './queries.ts';

/** Changes the given fields; runs that have begun keep what they began with. @throws NOT_FOUND, VALIDATION_ERROR */
export async function updateAgent(ctx: Ctx, id: string, input: UpdateAgent): Promise<Agent> {
  requireScope(ctx, 'write');
  const { tools, budgets, ...change } = updateAgentSchema.parse(input);
  await checkAgent(ctx, { model: change.model, tools });
  return updateAgentRow(ctx.db, ctx.principal.tenantId, id, {
    ...change,
    ...(tools === undefined ? {} : { tools: JSON.stringify(tools) }),
    ...(budgets === undefined ? {} : { budgets: JSON.stringify(budgets) }),
  });
}
