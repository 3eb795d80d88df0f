import { z } from 'zod';

const uuid = z.uuid();
const epoch = z.int().min(0);
const usage = z.object({ input_tokens: z.int().min(0), output_tokens: z.int().min(0) });
const failure = z.object({ code: z.string(), message: z.string() });

/** Largest `data` of one event, in bytes of JSON text. */
export const MAX_EVENT_BYTES = 256 * 1024;

/**
 * Data of every durable event type the server itself writes.
 * An event whose data does not match is not written.
 */
export const EVENT_SCHEMAS = {
  'session.created': z.object({
    kind: z.string(),
    title: z.string().nullable(),
    project_id: uuid,
    agent_id: uuid.nullable(),
  }),
  'session.updated': z.object({ changes: z.record(z.string(), z.unknown()) }),
  'session.closed': z.object({
    status: z.enum(['completed', 'failed', 'interrupted']),
    reason: z.string().nullable(),
  }),
  'session.stalled': z.object({ epoch, holder: z.string(), last_heartbeat: z.string() }),
  'session.recovered': z.object({ epoch, from_epoch: epoch, holder: z.string() }),
  'lease.claimed': z.object({ epoch, holder: z.string(), ttl_ms: z.int() }),
  'lease.released': z.object({ epoch, holder: z.string() }),
  'message.created': z.object({
    message_id: uuid,
    message_index: z.int().min(0),
    role: z.enum(['user', 'assistant', 'system']),
    content: z.string(),
    run_id: uuid.nullable(),
    client_msg_id: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()).optional(),
  }),
  'message.superseded': z.object({ message_id: uuid, run_id: uuid, reason: z.string() }),
  'run.queued': z.object({ run_id: uuid, agent_id: uuid, message_id: uuid.nullable() }),
  'run.started': z.object({ run_id: uuid, epoch, holder: z.string() }),
  'run.resumed': z.object({ run_id: uuid, epoch, holder: z.string(), from_step: z.int().min(0) }),
  'run.completed': z.object({ run_id: uuid, steps: z.int(), usage }),
  'run.failed': z.object({ run_id: uuid, steps: z.int(), usage, error: failure }),
  'run.cancelled': z.object({ run_id: uuid, steps: z.int(), usage, reason: z.string() }),
  'step.started': z.object({
    run_id: uuid,
    step_index: z.int().min(0),
    kind: z.literal('model'),
    message_id: uuid,
    model: z.string(),
  }),
  'step.completed': z.object({
    run_id: uuid,
    step_index: z.int().min(0),
    kind: z.literal('model'),
    message_id: uuid,
    model: z.string(),
    finish_reason: z.string(),
    tool_calls: z.int().min(0),
    usage,
  }),
  'step.failed': z.object({
    run_id: uuid,
    step_index: z.int().min(0),
    kind: z.enum(['model', 'tool']),
    error: failure,
  }),
  'tool.called': z.object({
    run_id: uuid,
    step_index: z.int().min(0),
    tool: z.string(),
    call_id: z.string(),
    executor: z.enum(['server', 'client']),
    idempotency_key: z.string(),
    input: z.unknown(),
    deadline_at: z.string().nullable(),
  }),
  'tool.completed': z.object({
    run_id: uuid,
    step_index: z.int().min(0),
    tool: z.string(),
    call_id: z.string(),
    is_error: z.boolean(),
    output: z.unknown(),
  }),
} as const satisfies Record<string, z.ZodType>;

export type ServerEventType = keyof typeof EVENT_SCHEMAS;
export type EventData<T extends ServerEventType> = z.infer<(typeof EVENT_SCHEMAS)[T]>;

/** Nouns whose events only the server writes; a holder's own events use any other noun. */
export const RESERVED_NOUNS: ReadonlySet<string> = new Set(
  Object.keys(EVENT_SCHEMAS).map((type) => type.slice(0, type.indexOf('.'))),
);

/** `noun.verb`, lower case; further dotted parts are allowed. */
export const eventTypeSchema = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/, 'must look like noun.verb');

/** One durable event as followers receive it. */
export const logEventSchema = z
  .object({
    seq: z.int().min(1),
    type: eventTypeSchema,
    session_id: uuid,
    actor: z.string(),
    client_msg_id: z.string(),
    created_at: z.iso.datetime(),
    data: z.unknown(),
  })
  .meta({ id: 'Event' });
export type LogEvent = z.infer<typeof logEventSchema>;

/**
 * One broadcast-only event: never stored, never numbered, so a resume cannot depend on it.
 * `message.delta` data: `{message_id, run_id, offset, text}`, offset in UTF-16 units of the answer so far.
 */
export const ephemeralEventSchema = z
  .object({ ephemeral: z.literal(true), type: eventTypeSchema, session_id: uuid, data: z.unknown() })
  .meta({ id: 'EphemeralEvent' });
export type EphemeralEvent = z.infer<typeof ephemeralEventSchema>;

export const messageDeltaSchema = z.object({
  message_id: uuid,
  run_id: uuid,
  offset: z.int().min(0),
  text: z.string(),
});
export type MessageDelta = z.infer<typeof messageDeltaSchema>;

/** Why the server ended a follow; the follower may resume from its last id unless said otherwise. */
export const CLOSE_REASONS = [
  'slow_consumer',
  'server_shutdown',
  'cursor_ahead',
  'cursor_gone',
  'session_gone',
  'credential_expired',
  'credential_revoked',
  'internal_error',
] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

/** Sent without an id just before a follow ends, or as the WebSocket close reason. */
export const controlFrameSchema = z.object({
  control: z.literal('closed'),
  reason: z.enum(CLOSE_REASONS),
  last_seq: z.int().min(0),
  min_seq: z.int().min(1).optional(),
  log_epoch: z.string().optional(),
});
export type ControlFrame = z.infer<typeof controlFrameSchema>;
