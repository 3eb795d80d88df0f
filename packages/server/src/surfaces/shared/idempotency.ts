import { clientIdSchema } from '@holdfast/protocol';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Ctx } from '../../core/context.ts';

/** Header of every call that creates something: the same key again gives the first answer again, for 24 hours. */
export const idempotencyHeaders = z.object({ 'idempotency-key': clientIdSchema.optional() });

/** The context of a call that may carry an Idempotency-Key; a repeated answer says so in a header. */
export function onceCtx(ctx: Ctx, headers: z.infer<typeof idempotencyHeaders>, reply: FastifyReply): Ctx {
  const idempotencyKey = headers['idempotency-key'];
  if (idempotencyKey === undefined) return ctx;
  return { ...ctx, idempotencyKey, onReplay: () => void reply.header('idempotency-replayed', 'true') };
}
