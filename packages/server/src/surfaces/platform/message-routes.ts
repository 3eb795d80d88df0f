import { messageSchema, postedMessageSchema, postMessageSchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { listMessages, postMessage } from '../../core/message/index.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page, pageBody, wholeNumber } from '../shared/schema.ts';

const base = { tags: ['messages'], auth: 'required' } as const;
const params = z.object({ session_id: idParam('Session') });
const MAX_INDEX = 2_147_483_647;

/** `/api/v1/sessions/:session_id/messages`: the conversation of a session. */
export function addMessageRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/sessions/:session_id/messages',
    operationId: 'postMessage',
    summary: "Post a message; the session's agent answers it",
    description:
      'Answers 201 once message and run are stored. The same client_msg_id or Idempotency-Key again writes ' +
      'nothing and answers 200 (client_msg_id) or the first answer (Idempotency-Key).',
    scope: 'write',
    params,
    headers: idempotencyHeaders,
    body: postMessageSchema,
    response: { 201: ok(postedMessageSchema), 200: ok(postedMessageSchema) },
    handler: async (ctx, { params: { session_id }, body, headers }, reply) => {
      const posted = await postMessage(onceCtx(ctx, headers, reply), session_id, body);
      reply.code(posted.duplicate ? 200 : 201);
      return okBody(posted);
    },
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/sessions/:session_id/messages',
    operationId: 'listMessages',
    summary: 'Read the conversation, oldest first',
    scope: 'read',
    params,
    query: z.strictObject({
      limit: wholeNumber(1, 200).prefault('50'),
      cursor: wholeNumber(0, MAX_INDEX).optional(),
    }),
    response: { 200: page(messageSchema) },
    handler: async (ctx, { params: { session_id }, query: { limit, cursor } }) => {
      const page = await listMessages(ctx, session_id, { limit, after: cursor ?? -1 });
      const next = page.next_cursor === null ? null : String(page.next_cursor);
      return pageBody(page.items, limit, next, page.total);
    },
  });
}
