import { randomUUID } from 'node:crypto';
import { createSessionSchema, type CreateSession, type EventData, type Session } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { requireScope, type Ctx } from '../context.ts';
import { notFound } from '../errors.ts';
import { transactOnce } from '../once/index.ts';
import type { Queryable } from '../ports.ts';
import { fetchProject } from '../project/index.ts';
import { insertSession } from './queries.ts';

/** @throws FORBIDDEN; NOT_FOUND for a project or agent that is not the tenant's; IDEMPOTENCY_MISMATCH */
export async function createSession(ctx: Ctx, input: CreateSession): Promise<Session> {
  requireScope(ctx, 'write');
  const session = createSessionSchema.parse(input);
  const { tenantId, actor } = ctx.principal;
  const { kind, title, project_id, agent_id } = session;
  const eventData: EventData<'session.created'> = { kind, title, project_id, agent_id };
  const insert = async (db: Queryable): Promise<Session> => {
    const created = await insertSession(db, {
      tenantId,
      id: newId(),
      projectId: project_id,
      agentId: agent_id,
      kind,
      title,
      metadata: JSON.stringify(session.metadata),
      runPolicy: session.run_policy,
      executor: session.executor,
      createdBy: actor,
      logEpoch: randomUUID(),
      ttlMs: ctx.settings.leaseTtlMs,
      eventId: randomUUID(),
      eventData: JSON.stringify(eventData),
    });
    if (created !== null) return created;
    await fetchProject(db, tenantId, project_id);
    throw notFound('Agent');
  };
  // It is one statement; only a key to remember needs a transaction around it.
  if (ctx.idempotencyKey === undefined) return insert(ctx.db);
  return transactOnce(ctx, 'session.create', input, insert);
}
