import type { OpenApiDocument } from './openapi-document.ts';
import { describeErrorCodes, errorExampleName, errorExamples } from './openapi-errors.ts';
import { exampleOf, resolve, type Components, type JsonSchema } from './openapi-example.ts';
import { samplesOf } from './openapi-samples.ts';
import { usedSchemes } from './openapi-security.ts';
import { describeTags } from './openapi-tags.ts';
import { describeWebhooks, type WebhookDoc } from './openapi-webhooks.ts';
import type { RouteDoc } from './route-doc.ts';

type Media = { schema?: JsonSchema; example?: unknown; examples?: unknown };
type Content = Record<string, Media>;

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: JsonSchema;
  example?: unknown;
}

interface Operation {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { content: Content; required?: boolean };
  responses: Record<string, { description: string; content?: Content; headers?: unknown }>;
  [extension: `x-${string}`]: unknown;
}

const JSON_TYPE = 'application/json';
const SAMPLE_TEXT = '# Notes\n\nLeases end when their holder falls silent.\n';

const HEADERS = {
  ETag: {
    description: 'Of this representation; for `If-None-Match` and `If-Match`.',
    schema: { type: 'string' },
    example: '"3.q2nC9xw0Yk5m1d8VtB7hLs"',
  },
  RequestId: {
    description: 'For the log of the server; the one of the request if it had one.',
    schema: { type: 'string' },
    example: '6f1d2c9e-3a4b-4c5d-8e6f-7a8b9c0d1e2f',
  },
};

/** Adds to the generated document what no schema says: examples, code samples, error codes, tags, webhooks. */
export function finishDocument(
  document: OpenApiDocument,
  docs: readonly RouteDoc[],
  webhooks: readonly WebhookDoc[],
): OpenApiDocument {
  const schemas = (document.components?.schemas ?? {}) as Record<string, JsonSchema>;
  const byId = new Map(docs.map((doc) => [doc.operationId, doc]));
  const statuses = new Set<number>();
  for (const [path, methods] of Object.entries(document.paths ?? {})) {
    for (const operation of Object.values(methods) as Operation[]) {
      const doc = byId.get(operation.operationId)!;
      describeAnswers(operation, doc, schemas, statuses);
      describeRequest(operation, doc, path, schemas);
      if (doc.scope !== undefined) operation['x-required-scope'] = doc.scope;
    }
  }
  const { code } = schemas['Error']?.properties ?? {};
  if (code !== undefined) Object.assign(code, { description: describeErrorCodes() });
  const tags = new Set(docs.flatMap((doc) => doc.tags));
  if (webhooks.length > 0) tags.add('webhooks');
  const described = describeWebhooks(webhooks);
  return {
    ...document,
    tags: describeTags(tags),
    ...(described === undefined ? {} : { webhooks: described }),
    components: {
      ...document.components,
      schemas,
      securitySchemes: usedSchemes(docs),
      headers: HEADERS,
      examples: errorExamples(statuses),
    },
  };
}

function describeAnswers(
  operation: Operation,
  doc: RouteDoc,
  schemas: Components,
  statuses: Set<number>,
): void {
  for (const [status, response] of Object.entries(operation.responses)) {
    const { content } = response;
    const json = content?.[JSON_TYPE];
    if (Number(status) >= 400) {
      statuses.add(Number(status));
      const example = { $ref: `#/components/examples/${errorExampleName(Number(status))}` };
      if (json !== undefined) json.examples = { error: example };
      continue;
    }
    const etag = json === undefined ? {} : { ETag: { $ref: '#/components/headers/ETag' } };
    response.headers = { ...etag, 'X-Request-Id': { $ref: '#/components/headers/RequestId' } };
    for (const media of Object.values(content ?? {}))
      media.example = exampleOf(media.schema ?? {}, schemas, { whole: true });
  }
  if (doc.method === 'GET' && operation.responses['200']?.content?.[JSON_TYPE] !== undefined) {
    operation.responses['304'] = { description: 'It still is what `If-None-Match` names.' };
  }
}

function describeRequest(operation: Operation, doc: RouteDoc, path: string, schemas: Components): void {
  const parameters = operation.parameters ?? [];
  // Of an optional one the explorer would send its example.
  for (const parameter of parameters.filter(({ required }) => required === true)) {
    parameter.example = exampleOf(parameter.schema, schemas, { name: parameter.name, whole: true });
  }
  const required = parameters.filter((parameter) => parameter.in === 'query' && parameter.required === true);
  const [mediaType, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  // A schema may bring its own.
  if (media !== undefined) media.example ??= bodyExample(mediaType!, media, schemas);
  const success = Object.keys(doc.response)[0]!;
  operation['x-codeSamples'] = samplesOf({
    doc,
    path,
    query: Object.fromEntries(required.map(({ name, example }) => [name, example])),
    body: media?.example,
    mediaType,
    hasReply: operation.responses[success]?.content?.[JSON_TYPE] !== undefined,
  });
}

function bodyExample(mediaType: string, { schema = {} }: Media, schemas: Components): unknown {
  if (mediaType !== JSON_TYPE && resolve(schema, schemas).type === 'string') return SAMPLE_TEXT;
  return exampleOf(schema, schemas, { whole: false });
}
