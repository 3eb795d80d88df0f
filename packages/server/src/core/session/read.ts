import { idSchema, pageQuerySchema, type Page, type Session } from '@holdfast/protocol';
import { z } from 'zod';
import { requireScope, type Ctx } from '../context.ts';
import { totalOf } from '../count-rows.ts';
import { pageOf } from '../wire.ts';
import { countSessions, fetchSession, selectSessions } from './queries.ts';

export const listSessionsQuerySchema = pageQuerySchema.extend({
  project_id: idSchema.optional(),
  status: z.enum(['active', 'completed', 'failed', 'interrupted']).optional(),
});
export type ListSessionsQuery = z.infer<typeof listSessionsQuerySchema>;

/** @throws NOT_FOUND, also for another tenant's */
export async function getSession(ctx: Ctx, id: string): Promise<Session> {
  requireScope(ctx, 'read');
  return fetchSession(ctx.db, ctx.principal.tenantId, id);
}

/** Newest first. */
export async function listSessions(ctx: Ctx, input: ListSessionsQuery): Promise<Page<Session>> {
  requireScope(ctx, 'read');
  const page = listSessionsQuerySchema.parse(input);
  const { limit, after, project_id: projectId, status } = page;
  const { tenantId } = ctx.principal;
  const rows = await selectSessions(ctx.db, tenantId, { limit: limit + 1, after, projectId, status });
  const total = await totalOf(page, rows, (include) =>
    countSessions(ctx.db, tenantId, { projectId, status, include }),
  );
  return pageOf(rows, limit, (row) => row, total);
}
