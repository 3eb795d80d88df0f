import { z } from 'zod';
import { idSchema, timestampSchema, usageSchema } from './common.ts';

export const RUN_STATUSES = ['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled'] as const;

const failureSchema = z.object({ code: z.string(), message: z.string() });

export const runSchema = z
  .object({
    id: idSchema,
    session_id: idSchema,
    agent_id: idSchema,
    message_id: idSchema.nullable().describe('The message it answers.'),
    status: z.enum(RUN_STATUSES),
    executor: z.enum(['server', 'external']),
    epoch: z.int().nullable().describe('Lease epoch it was last run under.'),
    step_count: z.int().min(0),
    usage: usageSchema,
    recoveries: z.int().min(0).describe('How often another holder had to take over.'),
    error: failureSchema.nullable(),
    cancel_reason: z.string().nullable(),
    created_at: timestampSchema,
    started_at: timestampSchema.nullable(),
    ended_at: timestampSchema.nullable(),
  })
  .meta({ id: 'Run' });
export type Run = z.infer<typeof runSchema>;

export const stepSchema = z
  .object({
    run_id: idSchema,
    step_index: z.int().min(0),
    kind: z.enum(['model', 'tool']),
    status: z.enum(['started', 'waiting', 'completed', 'failed']),
    name: z.string().describe('Model or tool.'),
    attempt: z.int().min(1),
    call_id: z.string().nullable(),
    message_id: idSchema.nullable(),
    idempotency_key: z.string().describe('The same for every attempt of this step.'),
    policy: z.enum(['retry', 'once']).nullable(),
    input: z.unknown(),
    output: z.unknown(),
    usage: usageSchema,
    deadline_at: timestampSchema.nullable(),
    started_at: timestampSchema,
    ended_at: timestampSchema.nullable(),
  })
  .meta({ id: 'Step' });
export type Step = z.infer<typeof stepSchema>;

export const startRunSchema = z.strictObject({
  agent_id: idSchema.optional().describe("Instead of the session's agent."),
});
export type StartRun = z.infer<typeof startRunSchema>;

export const cancelRunSchema = z.strictObject({
  reason: z.string().min(1).max(1000).default('cancelled by request'),
});
export type CancelRun = z.infer<typeof cancelRunSchema>;

const jsonSchema = z.unknown();
const nameSchema = z.string().min(1).max(200);

/** A step that begins. Tool steps of a client wait for its posted result until `timeout_seconds` have passed. */
export const beginStepSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('model'), name: nameSchema, message_id: idSchema }),
  z.strictObject({
    kind: z.literal('tool'),
    name: nameSchema,
    call_id: z.string().min(1).max(200),
    input: jsonSchema,
    policy: z.enum(['retry', 'once']).default('once'),
    executor: z.enum(['server', 'client']).default('server'),
    timeout_seconds: z.int().min(1).max(86_400).optional(),
  }),
]);
export type BeginStep = z.infer<typeof beginStepSchema>;

export const endStepSchema = z.strictObject({
  step_index: z.int().min(0),
  status: z.enum(['completed', 'failed']).default('completed'),
  output: jsonSchema.optional(),
  usage: usageSchema.optional(),
  finish_reason: z.string().max(100).optional(),
});
export type EndStep = z.infer<typeof endStepSchema>;

/**
 * One durable move of a run by its holder, all or nothing: steps that ended, steps that begin,
 * the assistant's message, and the end of the run.
 */
export const advanceRunSchema = z.strictObject({
  epoch: z.int().min(1),
  ended: z.array(endStepSchema).max(64).default([]),
  begun: z.array(beginStepSchema).max(64).default([]),
  message: z
    .strictObject({
      id: idSchema.optional(),
      content: z.string().max(1_000_000),
      metadata: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  finish: z
    .discriminatedUnion('status', [
      z.strictObject({ status: z.literal('completed') }),
      z.strictObject({ status: z.literal('failed'), error: failureSchema }),
    ])
    .optional(),
});
export type AdvanceRun = z.infer<typeof advanceRunSchema>;

export const advancedRunSchema = z
  .object({ run: runSchema, begun: z.array(z.int()).describe('step_index of each begun step, in order.') })
  .meta({ id: 'AdvancedRun' });
export type AdvancedRun = z.infer<typeof advancedRunSchema>;

/** What a client's tool answered: exactly one of `output` and `error`. */
export const toolResultSchema = z
  .strictObject({ output: jsonSchema.optional(), error: z.string().min(1).max(10_000).optional() })
  .refine(
    (value) => (value.output === undefined) !== (value.error === undefined),
    'needs exactly one of output and error',
  );
export type ToolResult = z.infer<typeof toolResultSchema>;
