import { updateProjectSchema, type Project, type UpdateProject } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { updateProjectRow } from './queries.ts';

/** Changes the given fields only. @throws NOT_FOUND, FORBIDDEN */
export async function updateProject(ctx: Ctx, id: string, input: UpdateProject): Promise<Project> {
  requireScope(ctx, 'write');
  return updateProjectRow(ctx.db, ctx.principal.tenantId, id, updateProjectSchema.parse(input));
}
