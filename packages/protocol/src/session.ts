import { z } from 'zod';
import { idSchema, metadataSchema, timestampSchema, versionSchema } from './common.ts';

export const SESSION_KINDS = ['chat', 'assistant', 'swarm', 'browser', 'fleet'] as const;
export const RUN_POLICIES = ['queue', 'reject', 'interrupt'] as const;

export const leaseStateSchema = z
  .object({
    epoch: z.int().min(0).describe('Rises at each claim; writes with an older one are refused.'),
    state: z.enum(['free', 'held', 'stalled']),
    holder: z.string().nullable(),
    ttl_ms: z.int(),
    last_heartbeat: timestampSchema,
  })
  .meta({ id: 'LeaseState' });

export const sessionSchema = z
  .object({
    id: idSchema,
    project_id: idSchema,
    agent_id: idSchema.nullable(),
    kind: z.enum(SESSION_KINDS),
    status: z.enum(['active', 'paused', 'completed', 'failed', 'interrupted', 'stalled']),
    title: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    run_policy: z.enum(RUN_POLICIES).describe('What a message does while a run is active.'),
    executor: z.enum(['server', 'external']).describe('Who executes its runs.'),
    message_count: z.int().min(0),
    last_seq: z.int().min(0).describe('Number of the newest event.'),
    lease: leaseStateSchema,
    version: versionSchema.describe('Rises with each change of what a client can set; begins the ETag.'),
    created_by: z.string(),
    started_at: timestampSchema,
    completed_at: timestampSchema.nullable(),
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof sessionSchema>;

const titleSchema = z.string().trim().min(1).max(300);

export const createSessionSchema = z.strictObject({
  project_id: idSchema,
  agent_id: idSchema.nullable().default(null),
  kind: z.enum(['chat', 'assistant', 'swarm']).default('chat'),
  title: titleSchema.nullable().default(null),
  metadata: metadataSchema.default({}),
  run_policy: z.enum(RUN_POLICIES).default('queue'),
  executor: z.enum(['server', 'external']).default('server'),
});
export type CreateSession = z.infer<typeof createSessionSchema>;

export const updateSessionSchema = z
  .strictObject({
    title: titleSchema.nullable().optional(),
    metadata: metadataSchema.optional(),
    agent_id: idSchema.nullable().optional(),
    run_policy: z.enum(RUN_POLICIES).optional(),
  })
  .refine((value) => Object.keys(value).length > 0, 'must change something');
export type UpdateSession = z.infer<typeof updateSessionSchema>;

export const closeSessionSchema = z.strictObject({
  status: z.enum(['completed', 'failed', 'interrupted']).default('completed'),
  reason: z.string().max(1000).nullable().default(null),
});
export type CloseSession = z.infer<typeof closeSessionSchema>;
