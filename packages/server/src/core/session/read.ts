import { idSchema, pageQuerySchema, type Page, type Session } from '@holdfast/protocol';
import { z } from 'zod';
import { requireScope, type Ctx } from '../context.ts';
import { pageOf } from '../wire.ts';
import { fetchSession, selectSessions } from './queries.ts';

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
  const { limit, after, project_id, status } = listSessionsQuerySchema.parse(input);
  const filter = { limit: limit + 1, after, projectId: project_id, status };
  return pageOf(await selectSessions(ctx.db, ctx.principal.tenantId, filter), limit, (row) => row);
}
