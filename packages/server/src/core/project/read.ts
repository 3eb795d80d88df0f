import { pageQuerySchema, type Page, type PageQuery, type Project } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { pageOf } from '../wire.ts';
import { fetchProject, selectProjects } from './queries.ts';

/** @throws NOT_FOUND, also for another tenant's */
export async function getProject(ctx: Ctx, id: string): Promise<Project> {
  requireScope(ctx, 'read');
  return fetchProject(ctx.db, ctx.principal.tenantId, id);
}

/** Newest first. */
export async function listProjects(ctx: Ctx, input: PageQuery): Promise<Page<Project>> {
  requireScope(ctx, 'read');
  const { limit, after } = pageQuerySchema.parse(input);
  const rows = await selectProjects(ctx.db, ctx.principal.tenantId, { limit: limit + 1, after });
  return pageOf(rows, limit, (row) => row);
}
