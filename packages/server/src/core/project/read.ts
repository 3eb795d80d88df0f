import { pageQuerySchema, type Page, type PageQuery, type Project } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { totalOf } from '../count-rows.ts';
import { pageOf } from '../wire.ts';
import { countProjects, fetchProject, selectProjects } from './queries.ts';

/** @throws NOT_FOUND, also for another tenant's */
export async function getProject(ctx: Ctx, id: string): Promise<Project> {
  requireScope(ctx, 'read');
  return fetchProject(ctx.db, ctx.principal.tenantId, id);
}

/** Newest first. */
export async function listProjects(ctx: Ctx, input: PageQuery): Promise<Page<Project>> {
  requireScope(ctx, 'read');
  const page = pageQuerySchema.parse(input);
  const { limit, after } = page;
  const { tenantId } = ctx.principal;
  const rows = await selectProjects(ctx.db, tenantId, { limit: limit + 1, after });
  const total = await totalOf(page, rows, (include) => countProjects(ctx.db, tenantId, include));
  return pageOf(rows, limit, (row) => row, total);
}
