import { errorBodySchema } from '@holdfast/protocol';
import type { FastifySchema } from 'fastify';
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { RouteDoc } from './route-doc.ts';
import { documentationOf } from './schema.ts';

export interface OpenApiDocument {
  paths?: Record<string, Record<string, unknown>>;
  components?: { schemas?: Record<string, unknown> };
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

/** Options of the document generator: everything that does not come from routes. */
export function buildDocument(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Holdfast',
        version,
        description: 'Sessions as logs, held under leases, followed live, recovered after a crash.',
        license: { name: 'MIT', identifier: 'MIT' },
      } as never,
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'A session token or an API key.' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
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
  409: 'The request conflicts with the current state.',
  410: 'What was asked for is no longer kept.',
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
    description: doc.description,
    tags: [...doc.tags],
    security: doc.auth === 'none' ? [] : [{ bearer: [] }, { apiKey: [] }],
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

function describeReply(doc: RouteDoc, schema: z.ZodType | null): unknown {
  if (schema === null) return z.null().describe('Done.');
  const types = doc.produces ?? ['application/json'];
  const content = Object.fromEntries(
    types.map((type) => [type, { schema: type === 'application/json' ? schema : z.string() }]),
  );
  return { description: 'Success.', content };
}
