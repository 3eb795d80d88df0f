import { z } from 'zod';
import { DomainError } from '../../core/errors.ts';
import type { Tool, ToolContext, ToolPolicy } from '../../core/ports.ts';

interface Definition<Input extends z.ZodObject> {
  name: string;
  description: string;
  policy: ToolPolicy;
  timeout_ms: number;
  input: Input;
  run: (input: z.infer<Input>, context: ToolContext) => Promise<unknown>;
}

/** A tool whose input is checked first; every wrong field is named in one VALIDATION_ERROR. */
export function defineTool<Input extends z.ZodObject>(definition: Definition<Input>): Tool {
  const { name, description, policy, timeout_ms, input: schema, run } = definition;
  return {
    name,
    description,
    policy,
    timeout_ms,
    input_schema: z.toJSONSchema(schema, { io: 'input' }),
    async execute(input, context) {
      const parsed = schema.safeParse(input);
      if (!parsed.success) throw invalidInput(parsed.error.issues);
      return run(parsed.data, context);
    },
  };
}

function invalidInput(issues: readonly z.core.$ZodIssue[]): DomainError {
  const errors = issues.map(({ path, message }) => ({ field: path.join('.') || 'input', message }));
  const text = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new DomainError('VALIDATION_ERROR', text, { errors });
}

/** The first `limit` UTF-16 units, without half a surrogate pair or NUL, and whether something was left out. */
export function capText(text: string, limit: number): { text: string; truncated: boolean } {
  const cut = text.length > limit ? text.slice(0, limit) : text;
  return { text: cut.replaceAll('\0', '').toWellFormed(), truncated: text.length > limit };
}
