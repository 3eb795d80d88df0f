import { z } from 'zod';
import { clientIdSchema, idSchema, metadataSchema, timestampSchema } from './common.ts';
import { runSchema } from './run.ts';

export const MAX_MESSAGE_CHARS = 100_000;

export const messageSchema = z
  .object({
    id: idSchema,
    session_id: idSchema,
    message_index: z.int().min(0).describe('0, 1, 2 … within the session.'),
    seq: z.int().min(1).describe('Number of its event.'),
    role: z.enum(['user', 'assistant', 'system']),
    content: z.string(),
    run_id: idSchema.nullable(),
    client_msg_id: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    created_at: timestampSchema,
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof messageSchema>;

export const postMessageSchema = z.strictObject({
  content: z.string().min(1).max(MAX_MESSAGE_CHARS),
  client_msg_id: clientIdSchema.optional(),
  metadata: metadataSchema.default({}),
  run: z.boolean().default(true).describe("Whether the session's agent answers."),
});
export type PostMessage = z.infer<typeof postMessageSchema>;

export const postedMessageSchema = z
  .object({
    message: messageSchema,
    run: runSchema.nullable().describe('The run that answers, if the session has an agent.'),
    duplicate: z.boolean().describe('The message was already there; nothing was written.'),
  })
  .meta({ id: 'PostedMessage' });
export type PostedMessage = z.infer<typeof postedMessageSchema>;

/** `after` is a message_index; the first page starts at -1. */
export const listMessagesQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: z.coerce.number().int().min(-1).max(2_147_483_647).default(-1),
});
export type ListMessagesQuery = z.infer<typeof listMessagesQuerySchema>;
