import { z } from 'zod';

const stringMap = z.record(z.string(), z.string());
const timeout = z.int().min(100).max(600_000).optional();

export const mcpServerSchema = z.union([
  z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    headers: stringMap.optional(),
    timeout_ms: timeout,
  }),
  z.strictObject({
    command: z.string().min(1),
    args: z.array(z.string()).optional(),
    env: stringMap.optional(),
    cwd: z.string().optional(),
    timeout_ms: timeout,
  }),
]);
export type McpServerOptions = z.infer<typeof mcpServerSchema>;

/** MCP servers by the name that their tools carry: `mcp__<server>__<tool>`. */
export const mcpServersSchema = z.record(
  z.string().regex(/^[a-zA-Z0-9](?:[a-zA-Z0-9-]|_(?!_)){0,31}$/, 'must be letters, digits, - or single _'),
  mcpServerSchema,
);
