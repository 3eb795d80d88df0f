import { closeSessionSchema, type CloseSession, type Session } from '@holdfast/protocol';
import { sql } from 'kysely';
import { requireScope, type Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import { lockLease, revokeLease } from '../lease/index.ts';
import { fetchSession, lockSession } from '../session/index.ts';
import { cancelRows } from './cancel.ts';
import { selectUnfinished } from './queries.ts';

/**
 * Closes a session for good: its unfinished runs are cancelled, its lease is revoked, its log stays readable.
 * Closing again with the same status changes nothing.
 * @throws NOT_FOUND; RESOURCE_CONFLICT when it is closed with another status
 */
export async function closeSession(ctx: Ctx, id: string, input: CloseSession): Promise<Session> {
  requireScope(ctx, 'write');
  const { status, reason } = closeSessionSchema.parse(input);
  const { tenantId, actor } = ctx.principal;
  return ctx.db.transaction(async (tx) => {
    await lockLease(tx, tenantId, id);
    const session = await lockSession(tx, tenantId, id);
    if (session.status === status) return fetchSession(tx, tenantId, id);
    if (session.status !== 'active') {
      throw new DomainError('RESOURCE_CONFLICT', `The session is already ${session.status}.`, {
        details: { status: session.status },
      });
    }
    const runs = await selectUnfinished(tx, tenantId, id, 'lock');
    const events = await cancelRows(ctx, tx, id, runs, 'the session was closed');
    await revokeLease(tx, tenantId, id, 'any');
    await tx.kysely
      .updateTable('sessions')
      .set({
        status,
        version: sql`version + 1`,
        completed_at: sql`clock_timestamp()`,
        updated_at: sql`clock_timestamp()`,
      })
      .where('tenant_id', '=', tenantId)
      .where('id', '=', id)
      .execute();
    events.push({ type: 'session.closed', actor, data: { status, reason } });
    await ctx.log.appendTx(tx, { tenantId, sessionId: id }, events);
    return fetchSession(tx, tenantId, id);
  });
}
