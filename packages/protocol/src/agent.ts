import { z } from 'zod';
import { idSchema, timestampSchema, versionSchema } from './common.ts';

/** A tool that a client executes (an editor, a browser): the run waits for the posted result. */
export const clientToolSchema = z.strictObject({
  name: z.string().regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/, 'must be 1 to 64 of a-z, A-Z, 0-9, _ or -'),
  description: z.string().max(2000).default(''),
  input_schema: z.record(z.string(), z.unknown()).default({ type: 'object' }),
  executor: z.literal('client'),
  timeout_seconds: z.int().min(1).max(86_400).default(300),
});
export type ClientTool = z.infer<typeof clientToolSchema>;

/** A tool of the server by name, or the declaration of a client's. */
export const agentToolSchema = z.union([z.string().min(1).max(128), clientToolSchema]);

/** A run that goes over any of these fails with a code that says which. */
export const budgetsSchema = z.strictObject({
  steps: z.int().min(1).max(1000).default(20),
  tokens: z.int().min(1).max(10_000_000).default(200_000),
  seconds: z.int().min(1).max(86_400).default(600),
});
export type Budgets = z.infer<typeof budgetsSchema>;

const DEFAULT_BUDGETS: Budgets = { steps: 20, tokens: 200_000, seconds: 600 };
const nameSchema = z.string().trim().min(1).max(200);
const instructionsSchema = z.string().max(20_000);
const modelSchema = z.string().min(1).max(200);
const toolsSchema = z.array(agentToolSchema).max(64);

export const agentSchema = z
  .object({
    id: idSchema,
    project_id: idSchema,
    name: z.string(),
    instructions: z.string(),
    model: z.string().describe('offline, openai/…, anthropic/…, compatible/…, or default.'),
    tools: z.array(z.union([z.string(), z.object(clientToolSchema.shape)])),
    budgets: z.object(budgetsSchema.shape),
    version: versionSchema,
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'Agent' });
export type Agent = z.infer<typeof agentSchema>;

export const createAgentSchema = z.strictObject({
  project_id: idSchema,
  name: nameSchema,
  instructions: instructionsSchema.default(''),
  model: modelSchema.default('default'),
  tools: toolsSchema.default([]),
  budgets: budgetsSchema.default(DEFAULT_BUDGETS),
});
export type CreateAgent = z.infer<typeof createAgentSchema>;

export const updateAgentSchema = z
  .strictObject({
    name: nameSchema.optional(),
    instructions: instructionsSchema.optional(),
    model: modelSchema.optional(),
    tools: toolsSchema.optional(),
    budgets: budgetsSchema.optional(),
  })
  .refine((value) => Object.keys(value).length > 0, 'must change something');
export type UpdateAgent = z.infer<typeof updateAgentSchema>;

/** What a run keeps of its agent: later changes do not touch a run that has begun. */
export interface AgentSnapshot {
  name: string;
  instructions: string;
  model: string;
  tools: (string | ClientTool)[];
  budgets: Budgets;
}
