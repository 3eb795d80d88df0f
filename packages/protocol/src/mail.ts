import { z } from 'zod';
import { idSchema, pageQuerySchema, timestampSchema } from './common.ts';

export const emailStatusSchema = z
  .enum(['queued', 'sending', 'sent', 'failed'])
  .describe('Without a mail server a mail stays queued until it is of no use any more, and then failed.');

/** One mail in the outbox of a tenant. */
export const emailSchema = z
  .object({
    id: idSchema,
    recipient: z.string(),
    template: z.string(),
    status: emailStatusSchema,
    attempts: z.int().min(0),
    next_attempt_at: timestampSchema.nullable().describe('Null unless it is queued.'),
    message_id: z.string().nullable().describe('Of the Message-ID header; the same at every attempt.'),
    provider_id: z.string().nullable().describe('What the mail server calls it.'),
    error: z.string().nullable().describe('Why the last attempt failed.'),
    created_at: timestampSchema,
    sent_at: timestampSchema.nullable(),
    body: z
      .object({ subject: z.string(), text: z.string(), html: z.string() })
      .nullable()
      .describe('Of a queued mail, while there is no mail server and the server is not in production.'),
  })
  .meta({ id: 'Email' });
export type Email = z.infer<typeof emailSchema>;

export const emailQuerySchema = pageQuerySchema.extend({ status: emailStatusSchema.optional() });
export type EmailQuery = z.infer<typeof emailQuerySchema>;
