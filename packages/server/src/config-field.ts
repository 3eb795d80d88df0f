import { z } from 'zod';
import { mcpServersSchema } from './features/tool/mcp-schema.ts';

/** What `.env.example` and start-up errors say about a variable. */
export interface VariableMeta {
  group: string;
  description: string;
  /** Completes "NAME must be ...". */
  rule: string;
  /** As written in the environment; absent when there is none. */
  default?: string;
}

export type Doc = Omit<VariableMeta, 'rule' | 'default'>;

export function integer(min: number, max: number, fallback: number, doc: Doc) {
  return z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .default(fallback)
    .meta({ ...doc, rule: `a whole number from ${min} to ${max}`, default: String(fallback) });
}

export function choice<const T extends readonly [string, ...string[]]>(
  values: T,
  fallback: T[number],
  doc: Doc,
) {
  return z
    .enum(values)
    .default(fallback as never)
    .meta({ ...doc, rule: `one of ${values.join(', ')}`, default: fallback });
}

export function flag(fallback: boolean, doc: Doc) {
  return z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .default(fallback)
    .meta({ ...doc, rule: 'true or false', default: String(fallback) });
}

export function text(min: number, max: number, doc: Doc) {
  const rule = min === 1 ? `text of at most ${max} characters` : `text of ${min} to ${max} characters`;
  return z
    .string()
    .min(min)
    .max(max)
    .optional()
    .meta({ ...doc, rule });
}

export function url(schemes: readonly string[], doc: Doc) {
  const ok = (value: string) => URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1));
  const rule = `a URL beginning with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  return z
    .string()
    .refine(ok)
    .optional()
    .meta({ ...doc, rule });
}

/** Ids of models that a server can be told to use. */
export const MODEL_ID = /^(offline|(openai|anthropic|compatible)\/\S{1,200})$/;

export type McpServers = z.infer<typeof mcpServersSchema>;

/** The same, as JSON text. */
export const mcpServers = z
  .string()
  .transform((value, ctx): unknown => {
    try {
      return JSON.parse(value);
    } catch {
      ctx.addIssue({ code: 'custom', message: 'not JSON' });
      return z.NEVER;
    }
  })
  .pipe(mcpServersSchema)
  .default({});
