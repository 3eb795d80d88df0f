import { createAgentSchema, type Agent, type CreateAgent } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { auditor, recordAudit } from '../../core/audit/index.ts';
import { requireScope, type Ctx } from '../../core/context.ts';
import { transactOnce } from '../../core/once/index.ts';
import { fetchProject } from '../../core/project/index.ts';
import { checkAgent } from './check.ts';
import { toAgent } from './queries.ts';

/** @throws FORBIDDEN; NOT_FOUND for the project; VALIDATION_ERROR for an unknown model or tool */
export async function createAgent(ctx: Ctx, input: CreateAgent): Promise<Agent> {
  requireScope(ctx, 'write');
  const { tools, budgets, ...agent } = createAgentSchema.parse(input);
  await checkAgent(ctx, { model: agent.model, tools });
  const { tenantId } = ctx.principal;
  return transactOnce(ctx, 'agent.create', input, async (tx) => {
    await fetchProject(tx, tenantId, agent.project_id);
    const row = await tx.kysely
      .insertInto('agents')
      .values({
        ...agent,
        tenant_id: tenantId,
        id: newId(),
        tools: JSON.stringify(tools),
        budgets: JSON.stringify(budgets),
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    const created = toAgent(row);
    const targets = [{ type: 'agent', id: created.id, name: created.name }];
    await recordAudit(tx, auditor(ctx), { action: 'agent.created', targets, after: created });
    return created;
  });
}
