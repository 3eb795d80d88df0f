import { z } from 'zod';
import { budgetsSchema, clientToolSchema, createAgentSchema } from './agent.ts';
import { idSchema, timestampSchema, versionSchema } from './common.ts';

const serverToolV2Schema = z.strictObject({
  type: z.literal('server'),
  name: z.string().min(1).max(128).describe('A tool of the server, or of one of its MCP servers.'),
});

const clientToolV2Schema = z
  .strictObject({ type: z.literal('client'), ...clientToolSchema.omit({ executor: true }).shape })
  .describe('Executed by a client: the run waits for the posted result.');

/** In version 2 every tool is an object that says who executes it. */
export const agentToolV2Schema = z.discriminatedUnion('type', [serverToolV2Schema, clientToolV2Schema]);
export type AgentToolV2 = z.infer<typeof agentToolV2Schema>;

const v1 = createAgentSchema.shape;

export const createAgentV2Schema = z.strictObject({
  project_id: idSchema,
  name: v1.name,
  system_prompt: v1.instructions,
  model: v1.model,
  tools: z.array(agentToolV2Schema).max(64).default([]),
  limits: v1.budgets,
});
export type CreateAgentV2 = z.infer<typeof createAgentV2Schema>;

export const updateAgentV2Schema = z
  .strictObject({
    name: v1.name.optional(),
    system_prompt: v1.instructions.unwrap().optional(),
    model: v1.model.unwrap().optional(),
    tools: z.array(agentToolV2Schema).max(64).optional(),
    limits: budgetsSchema.optional(),
  })
  .refine((value) => Object.keys(value).length > 0, 'must change something');
export type UpdateAgentV2 = z.infer<typeof updateAgentV2Schema>;

export const agentV2Schema = z
  .object({
    id: idSchema,
    project_id: idSchema,
    name: z.string(),
    system_prompt: z.string(),
    model: z.string().describe('offline, openai/…, anthropic/…, compatible/…, or default.'),
    tools: z.array(
      z.object({
        type: z.enum(['server', 'client']),
        name: z.string(),
        description: z.string().optional(),
        input_schema: z.record(z.string(), z.unknown()).optional(),
        timeout_seconds: z.int().optional(),
      }),
    ),
    limits: z.object(budgetsSchema.shape),
    version: versionSchema,
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'AgentV2' });
export type AgentV2 = z.infer<typeof agentV2Schema>;
