import { createProjectSchema, type CreateProject, type Project } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import { transactOnce } from '../once/index.ts';
import { insertProject } from './queries.ts';

/** @throws FORBIDDEN without `write`; IDEMPOTENCY_MISMATCH */
export async function createProject(ctx: Ctx, input: CreateProject): Promise<Project> {
  requireScope(ctx, 'write');
  const { name, metadata } = createProjectSchema.parse(input);
  return transactOnce(ctx, 'project.create', input, async (tx) => {
    const project = await insertProject(tx, {
      tenant_id: ctx.principal.tenantId,
      id: newId(),
      name,
      metadata: JSON.stringify(metadata),
    });
    const targets = [{ type: 'project', id: project.id, name }];
    await recordAudit(tx, auditor(ctx), { action: 'project.created', targets, after: project });
    return project;
  });
}
