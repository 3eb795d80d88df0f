import fastJson from 'fast-json-stringify';
import { z } from 'zod';
import { isRawJson, RawJson, spliceRawJson } from './schema.ts';

export type ReplySerializer = (value: unknown) => string;

type JsonSchema = Record<string, unknown>;

/**
 * Compiles a reply schema to a fast serialiser: a missing required field throws, an undeclared one
 * is left out. RawJson values pass through.
 * @param check also validates each value with the schema itself, at the cost of speed
 */
export function compileReplySerializer(schema: z.ZodType, check: boolean): ReplySerializer {
  const jsonSchema = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'output',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: target }) => {
      if (isRawJson(zodSchema))
        for (const key of Object.keys(target)) delete target[key as keyof typeof target];
    },
  });
  const stringify = fastJson(simplify(jsonSchema) as fastJson.Schema);
  return (value) => {
    if (value instanceof RawJson) return value.text;
    if (check) checkReply(schema, value);
    return spliceRawJson(() => stringify(value));
  };
}

/** Not a ZodError: that would blame the caller. */
function checkReply(schema: z.ZodType, value: unknown): void {
  const result = schema.safeParse(value);
  if (!result.success) throw new Error(`The reply breaks its schema: ${z.prettifyError(result.error)}`);
}

/** `anyOf [X, null]` as `nullable`: the serialiser would run a validator for each anyOf value. */
function simplify(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(simplify);
  if (typeof node !== 'object' || node === null) return node;
  const { $schema: _, ...rest } = node as JsonSchema;
  const entries = Object.entries(rest).map(([key, value]) => [
    key,
    key === 'const' ? value : simplify(value),
  ]);
  const result = Object.fromEntries(entries) as JsonSchema;
  const inner = nullableInner(result.anyOf);
  if (inner === null) return result;
  const { anyOf: __, ...outer } = result;
  return { ...outer, ...inner, nullable: true };
}

function nullableInner(anyOf: unknown): JsonSchema | null {
  if (!Array.isArray(anyOf) || anyOf.length !== 2) return null;
  const schemas = anyOf as JsonSchema[];
  const inner = schemas.find((schema) => schema.type !== 'null');
  const hasNull = schemas.some((schema) => schema.type === 'null');
  return hasNull && inner !== undefined && typeof inner.type === 'string' ? inner : null;
}
