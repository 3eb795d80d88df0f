import { listMessagesQuerySchema, type ListMessagesQuery, type Message } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { fetchSession } from '../session/index.ts';
import { selectMessages } from './queries.ts';

export interface MessagePage {
  items: Message[];
  limit: number;
  /** message_index to go on after, or null at the end. */
  next_cursor: number | null;
  total: number;
}

/** The conversation, oldest first. @throws NOT_FOUND */
export async function listMessages(
  ctx: Ctx,
  sessionId: string,
  input: ListMessagesQuery,
): Promise<MessagePage> {
  requireScope(ctx, 'read');
  const { limit, after } = listMessagesQuerySchema.parse(input);
  const { tenantId } = ctx.principal;
  const { message_count: total } = await fetchSession(ctx.db, tenantId, sessionId);
  const rows = await selectMessages(ctx.db, { tenantId, sessionId }, after, limit + 1);
  const items = rows.slice(0, limit);
  return { items, limit, next_cursor: rows.length > limit ? items.at(-1)!.message_index : null, total };
}
