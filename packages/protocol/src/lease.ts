import { z } from 'zod';
import { clientIdSchema, idSchema, timestampSchema } from './common.ts';
import { eventTypeSchema } from './event.ts';
import { runSchema, stepSchema } from './run.ts';

export const MIN_TTL_MS = 1000;
export const MAX_TTL_MS = 24 * 3600 * 1000;

export const claimLeaseSchema = z.strictObject({
  holder: clientIdSchema.describe('Who works: a window, a tab, a machine slot.'),
  ttl_ms: z
    .int()
    .min(MIN_TTL_MS)
    .max(MAX_TTL_MS)
    .optional()
    .describe('Silence after which the holder counts as dead.'),
});
export type ClaimLease = z.infer<typeof claimLeaseSchema>;

export const leaseSchema = z
  .object({
    session_id: idSchema,
    epoch: z.int().min(1),
    holder: z.string(),
    ttl_ms: z.int(),
    next_heartbeat_ms: z.int().describe('When to send the next heartbeat.'),
    last_seq: z.int().min(0),
    run: runSchema.nullable().describe('The unfinished run to go on with.'),
    steps: z.array(stepSchema).describe('Its recorded steps.'),
  })
  .meta({ id: 'Lease' });
export type Lease = z.infer<typeof leaseSchema>;

export const heartbeatSchema = z.strictObject({
  epoch: z.int().min(1),
  progress: z.boolean().default(false).describe('Whether work moved on since the last heartbeat.'),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

export const heartbeatReplySchema = z
  .object({
    epoch: z.int().min(1),
    ttl_ms: z.int(),
    next_heartbeat_ms: z.int(),
    last_heartbeat: timestampSchema,
  })
  .meta({ id: 'HeartbeatReply' });
export type HeartbeatReply = z.infer<typeof heartbeatReplySchema>;

export const releaseLeaseSchema = z.strictObject({ epoch: z.int().min(1) });
export type ReleaseLease = z.infer<typeof releaseLeaseSchema>;

/** Events of a holder's own types, fenced by its epoch. */
export const appendEventsSchema = z.strictObject({
  epoch: z.int().min(1),
  events: z
    .array(
      z.strictObject({
        type: eventTypeSchema,
        data: z.record(z.string(), z.unknown()).default({}),
        client_msg_id: clientIdSchema.optional(),
        ephemeral: z.boolean().default(false).describe('Broadcast without being stored or numbered.'),
      }),
    )
    .min(1)
    .max(100),
});
export type AppendEvents = z.infer<typeof appendEventsSchema>;

export const appendedEventsSchema = z
  .object({
    events: z.array(
      z.object({ seq: z.int().nullable().describe('null for an ephemeral one.'), duplicate: z.boolean() }),
    ),
  })
  .meta({ id: 'AppendedEvents' });
