import { isDeepStrictEqual } from 'node:util';
import { postMessageSchema, type PostedMessage, type PostMessage } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { requireScope, type Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import { transactOnce } from '../once/index.ts';
import { queueRun, selectRunOfMessage, toRun } from '../run/index.ts';
import { addMessage, countMessage } from '../session/index.ts';
import { findMessageByClientId } from './queries.ts';

/**
 * Posts a user's message and, if the session has an agent, queues the run that answers it: one transaction.
 * The same client_msg_id again gives the same message and run, and writes nothing, whatever became of the session.
 * @throws NOT_FOUND; RESOURCE_CONFLICT when the session is closed or rejects a second run;
 *   IDEMPOTENCY_MISMATCH when the client_msg_id was used for something else
 */
export async function postMessage(ctx: Ctx, sessionId: string, input: PostMessage): Promise<PostedMessage> {
  requireScope(ctx, 'write');
  const message = postMessageSchema.parse(input);
  try {
    return await transactOnce(ctx, `message.post:${sessionId}`, input, async (tx) => {
      const { tenantId, actor } = ctx.principal;
      const session = await countMessage(tx, tenantId, sessionId);
      const id = newId();
      const queued =
        message.run && session.agent_id !== null
          ? await queueRun(ctx, tx, session, session.agent_id, id)
          : { run: null, events: [] };
      const adding = addMessage(
        ctx,
        tx,
        tenantId,
        session,
        {
          id,
          role: 'user',
          content: message.content,
          actor,
          clientMsgId: message.client_msg_id ?? null,
          metadata: message.metadata,
        },
        { after: queued.events },
      );
      // A session's agent exists: a foreign key says so.
      const [run, added] = await tx.last([queued.run, adding]);
      return { message: added, run, duplicate: false };
    });
  } catch (error) {
    const refused = ctx.db.isDuplicate(error) || isConflict(error);
    if (!refused || message.client_msg_id === undefined) throw error;
    return findPosted(ctx, sessionId, message, error);
  }
}

/** A twin may find the session busy or closed, which it was not when the first was accepted. */
function isConflict(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'RESOURCE_CONFLICT';
}

async function findPosted(
  ctx: Ctx,
  sessionId: string,
  { content, metadata, client_msg_id = '' }: PostMessage,
  refused: unknown,
): Promise<PostedMessage> {
  const { tenantId } = ctx.principal;
  const message = await findMessageByClientId(ctx.db, tenantId, sessionId, client_msg_id);
  if (message === null && isConflict(refused)) throw refused;
  if (message?.content !== content || !isDeepStrictEqual(message.metadata, metadata)) {
    throw new DomainError('IDEMPOTENCY_MISMATCH', 'This client_msg_id was used for something else.', {
      details: { field: 'client_msg_id', ...(message === null ? {} : { message_id: message.id }) },
    });
  }
  const run = await selectRunOfMessage(ctx.db, tenantId, sessionId, message.id);
  return { message, run: run === null ? null : toRun(run), duplicate: true };
}
