import { idSchema, pageQuerySchema, type Agent, type Page } from '@holdfast/protocol';
import { z } from 'zod';
import { requireScope, type Ctx } from '../../core/context.ts';
import { totalOf } from '../../core/count-rows.ts';
import { pageOf } from '../../core/wire.ts';
import { countAgents, fetchAgent, selectAgents } from './queries.ts';

export const listAgentsQuerySchema = pageQuerySchema.extend({ project_id: idSchema.optional() });
export type ListAgentsQuery = z.infer<typeof listAgentsQuerySchema>;

/** @throws NOT_FOUND, also for another tenant's */
export async function getAgent(ctx: Ctx, id: string): Promise<Agent> {
  requireScope(ctx, 'read');
  return fetchAgent(ctx.db, ctx.principal.tenantId, id);
}

/** Newest first. */
export async function listAgents(ctx: Ctx, input: ListAgentsQuery): Promise<Page<Agent>> {
  requireScope(ctx, 'read');
  const page = listAgentsQuerySchema.parse(input);
  const { limit, after, project_id: projectId } = page;
  const { tenantId } = ctx.principal;
  const rows = await selectAgents(ctx.db, tenantId, { limit: limit + 1, after, projectId });
  const total = await totalOf(page, rows, (include) => countAgents(ctx.db, tenantId, { projectId, include }));
  return pageOf(rows, limit, (row) => row, total);
}
