import {
  appendEventsSchema,
  messageDeltaSchema,
  RESERVED_NOUNS,
  type AppendEvents,
} from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { DomainError, invalid, notFound } from '../errors.ts';
import { isId } from '../wire.ts';
import { fenceLease, leaseLost, lockLease } from './queries.ts';

/**
 * Appends a holder's own events. Each is durable on its own: when one is refused, those before it stand,
 * and sending all of them again with their client_msg_id writes none twice.
 * @throws LEASE_LOST, NOT_FOUND; VALIDATION_ERROR for a type of a reserved noun
 */
export async function appendEvents(ctx: Ctx, sessionId: string, input: AppendEvents) {
  requireScope(ctx, 'hold');
  const { epoch, events } = appendEventsSchema.parse(input);
  if (!isId(sessionId)) throw notFound('Session');
  for (const [index, { type, data, ephemeral }] of events.entries()) {
    if (ephemeral && type === 'message.delta') checkDelta(index, data);
    else if (RESERVED_NOUNS.has(type.slice(0, type.indexOf('.')))) {
      throw invalid(`events.${index}.type`, 'this noun is reserved for the server');
    }
  }
  const { tenantId, actor } = ctx.principal;
  const target = { tenantId, sessionId };
  if (events.some((event) => event.ephemeral)) {
    await ctx.db.transaction((tx) => fenceLease(tx, tenantId, sessionId, epoch));
  }
  const pending = events.map(async ({ type, data, client_msg_id, ephemeral }) => {
    if (ephemeral) {
      ctx.log.broadcast(target, type, data);
      return { seq: null, duplicate: false };
    }
    return ctx.log.append(target, { type, actor, data, clientMsgId: client_msg_id }, epoch);
  });
  // All of them are waited for, so that a refusal does not leave writes going on behind the answer.
  const settled = await Promise.allSettled(pending);
  const refused = settled.find((result) => result.status === 'rejected');
  if (refused !== undefined) {
    const lost = refused.reason instanceof DomainError && refused.reason.code === 'LEASE_LOST';
    throw lost ? leaseLost(await lockLease(ctx.db, tenantId, sessionId)) : refused.reason;
  }
  return {
    events: settled.map(
      (result) => (result as PromiseFulfilledResult<{ seq: number | null; duplicate: boolean }>).value,
    ),
  };
}

/** The one event of a reserved noun that a holder sends itself: the answer it is writing. */
function checkDelta(index: number, data: unknown): void {
  const issue = messageDeltaSchema.safeParse(data).error?.issues[0];
  if (issue !== undefined) throw invalid(`events.${index}.data.${issue.path.join('.')}`, issue.message);
}
