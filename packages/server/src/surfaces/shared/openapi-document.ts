import { errorBodySchema } from '@holdfast/protocol';
import type { FastifySchema } from 'fastify';
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { describeAccess, SECURITY_SCHEMES, securityOf } from './openapi-security.ts';
import type { RouteDoc } from './route-doc.ts';
import { documentationOf } from './schema.ts';

export interface OpenApiDocument {
  paths?: Record<string, Record<string, unknown>>;
  components?: { schemas?: Record<string, unknown>; [kind: string]: unknown };
  [key: string]: unknown;
}

type JsonSchema = Record<string, unknown>;

function toJson(schema: z.core.$ZodType): JsonSchema {
  const id = z.globalRegistry.get(schema)?.id;
  if (id !== undefined) return { $ref: `#/components/schemas/${id}` };
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any', override });
  return json;
}

const override: NonNullable<z.core.ToJSONSchemaParams['override']> = ({ zodSchema, jsonSchema }) => {
  const shown = documentationOf(zodSchema);
  const target = jsonSchema as JsonSchema;
  // The default of a number in a query is given as text.
  if (target.type === 'integer' && typeof target.default === 'string')
    target.default = Number(target.default);
  if (shown === undefined) return;
  const { description } = target;
  for (const key of Object.keys(target)) delete target[key];
  Object.assign(target, shown instanceof z.core.$ZodType ? toJson(shown) : shown);
  if (description !== undefined) target.description = description;
};

const zodToJsonConfig = { target: 'draft-2020-12' as const, override };

const DESCRIPTION = `Sessions as logs, held under leases, followed live, recovered after a crash.

Every success is \`{"success": true, "data": …}\` (version 1) or \`{"data": …}\` (version 2); every failure, of any
version, is the one \`Error\`. Lists are paged with opaque cursors. A POST that creates takes an \`Idempotency-Key\`,
a change an \`If-Match\`, a read an \`If-None-Match\`.`;

/** Options of the document generator: everything that does not come from routes. */
export function buildDocument(version: string, publicUrl?: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Holdfast',
        version,
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' },
        contact: { name: 'The operator of this server', url: publicUrl ?? 'http://localhost:7300' },
      } as never,
      servers: [{ url: publicUrl ?? '/', description: 'This server.' }],
      components: {
        securitySchemes: SECURITY_SCHEMES,
      },
    },
    transform: createJsonSchemaTransform({ zodToJsonConfig }) as never,
    transformObject: createJsonSchemaTransformObject({ zodToJsonConfig }) as never,
  };
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'The request is not valid; `errors` names each failing field.',
  401: 'No credential, or one that is not valid.',
  403: 'The credential lacks a scope.',
  404: 'Unknown, or of another tenant.',
  405: 'The path does not take this method.',
  409: 'The request conflicts with the current state.',
  410: 'What was asked for is no longer kept.',
  412: 'It was changed meanwhile: the `If-Match` names another version. `ETag` is the current one.',
  413: 'The body is too large.',
  415: 'The content type is not accepted.',
  422: 'The idempotency key was used with a different request.',
  429: 'Too many requests; `Retry-After` says when to try again.',
  500: 'A failure of the server.',
  503: 'Not ready to answer; `Retry-After` says when to try again.',
};

function errorStatuses(doc: RouteDoc): number[] {
  const statuses = new Set([400, 429, 500, 503, ...(doc.fails ?? [])]);
  const add = (...more: number[]): void => more.forEach((status) => statuses.add(status));
  if (doc.auth === 'required') add(401, 403);
  if (doc.params !== undefined) add(404);
  if (doc.method !== 'GET') add(409, 413, 415, 422);
  if (doc.deprecated?.sunset !== undefined) add(410);
  if (doc.headers instanceof z.ZodObject && 'if-match' in doc.headers.shape) add(412);
  return [...statuses].sort((a, b) => a - b);
}

/** The generator's view of one route. */
export function toRouteSchema(doc: RouteDoc): FastifySchema {
  const response: Record<string, unknown> = {};
  for (const [status, schema] of Object.entries(doc.response)) response[status] = describeReply(doc, schema);
  for (const status of errorStatuses(doc)) {
    response[status] = {
      description: REASONS[status],
      content: { 'application/json': { schema: errorBodySchema } },
    };
  }
  const schema = {
    operationId: doc.operationId,
    summary: doc.summary,
    description: [doc.description, describeAccess(doc), describeEnd(doc)].filter(Boolean).join(' '),
    deprecated: doc.deprecated === undefined ? undefined : true,
    tags: [...doc.tags],
    security: securityOf(doc),
    consumes: doc.consumes,
    params: doc.params,
    querystring: doc.query,
    headers: doc.headers,
    body: doc.body,
    response,
  };
  // The framework warns of keys that are there but undefined.
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}

/** The dates that the headers of the answers say too. */
function describeEnd({ deprecated }: RouteDoc): string {
  if (deprecated === undefined) return '';
  const end = deprecated.sunset === undefined ? '' : ` It is removed on ${deprecated.sunset} (410).`;
  return `**Deprecated since ${deprecated.since}.**${end}`;
}

function describeReply(doc: RouteDoc, schema: z.ZodType | null): unknown {
  if (schema === null) return z.null().describe('Done.');
  const types = doc.produces ?? ['application/json'];
  const content = Object.fromEntries(
    types.map((type) => [type, { schema: type === 'application/json' ? schema : z.string() }]),
  );
  return { description: 'Success.', content };
}
