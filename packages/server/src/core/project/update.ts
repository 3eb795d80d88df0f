import { updateProjectSchema, type Project, type UpdateProject } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import { requireMatch } from '../precondition.ts';
import { lockProject, updateProjectRow } from './queries.ts';

/** Changes the given fields only. @throws NOT_FOUND; PRECONDITION_FAILED; FORBIDDEN, for `guest_access` without `admin` */
export async function updateProject(ctx: Ctx, id: string, input: UpdateProject): Promise<Project> {
  requireScope(ctx, 'write');
  const change = updateProjectSchema.parse(input);
  if (change.guest_access !== undefined) requireScope(ctx, 'admin');
  const { tenantId } = ctx.principal;
  return ctx.db.transaction(async (tx) => {
    const before = await lockProject(tx, tenantId, id);
    requireMatch(ctx, before);
    const after = await updateProjectRow(tx, tenantId, id, change);
    const targets = [{ type: 'project', id, name: after.name }];
    await recordAudit(tx, auditor(ctx), { action: 'project.updated', targets, before, after });
    return after;
  });
}
