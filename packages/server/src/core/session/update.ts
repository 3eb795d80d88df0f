import { updateSessionSchema, type Session, type UpdateSession } from '@holdfast/protocol';
import { sql } from 'kysely';
import { requireScope, type Ctx } from '../context.ts';
import { notFound } from '../errors.ts';
import { requireMatch } from '../precondition.ts';
import { fetchSession, lockSession } from './queries.ts';

/**
 * Changes the given fields and logs what changed.
 * @throws NOT_FOUND for the session or the agent; PRECONDITION_FAILED
 */
export async function updateSession(ctx: Ctx, id: string, input: UpdateSession): Promise<Session> {
  requireScope(ctx, 'write');
  const change = updateSessionSchema.parse(input);
  const { tenantId, actor } = ctx.principal;
  return ctx.db.transaction(async (tx) => {
    await lockSession(tx, tenantId, id);
    if (ctx.ifMatch !== undefined) requireMatch(ctx, await fetchSession(tx, tenantId, id));
    if (typeof change.agent_id === 'string') {
      const agent = await tx.kysely
        .selectFrom('agents')
        .select('id')
        .where('tenant_id', '=', tenantId)
        .where('id', '=', change.agent_id)
        .executeTakeFirst();
      if (agent === undefined) throw notFound('Agent');
    }
    const { metadata, ...rest } = change;
    await tx.kysely
      .updateTable('sessions')
      .set({
        ...rest,
        ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
        version: sql`version + 1`,
        updated_at: sql`clock_timestamp()`,
      })
      .where('tenant_id', '=', tenantId)
      .where('id', '=', id)
      .execute();
    await ctx.log.appendTx(tx, { tenantId, sessionId: id }, [
      { type: 'session.updated', actor, data: { changes: change } },
    ]);
    return fetchSession(tx, tenantId, id);
  });
}
