import { logEventSchema } from '@holdfast/protocol';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestHttp } from '../../../test/http-app.ts';
import { addHealthRoute } from '../ops/index.ts';
import { installOpenApi } from './openapi.ts';
import { defineRoute } from './route.ts';
import { idParam, ok, page, pageBody, pageQuery, rawJson } from './schema.ts';

interface Operation {
  operationId: string;
  security: unknown[];
  parameters: { name: string; in: string; required?: boolean; schema: Record<string, unknown> }[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { content?: Record<string, { schema: Record<string, unknown> }> }>;
}
interface Document {
  openapi: string;
  info: Record<string, unknown>;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
}

let app: FastifyInstance;
let document: Document;

beforeAll(async () => {
  app = createTestHttp().app;
  installOpenApi(app, '1.2.3');
  addHealthRoute(app);
  const widget = z.strictObject({ name: z.string().max(9) }).meta({ id: 'WidgetInput' });
  defineRoute(app, {
    method: 'POST',
    url: '/sessions/:id/widgets',
    operationId: 'createWidget',
    summary: 'Makes one',
    tags: ['widgets'],
    auth: 'required',
    params: z.object({ id: idParam('Session') }),
    body: widget,
    response: { 201: ok(z.object({ id: z.uuid() })) },
    handler: async () => ({ success: true as const, data: { id: crypto.randomUUID() } }),
  });
  defineRoute(app, {
    method: 'GET',
    url: '/sessions/:id/events',
    operationId: 'listEvents',
    summary: 'Reads',
    tags: ['events'],
    auth: 'required',
    params: z.object({ id: idParam('Session') }),
    query: z.strictObject(pageQuery),
    produces: ['application/json', 'text/event-stream'],
    response: { 200: page(rawJson(logEventSchema)) },
    handler: async () => pageBody([], 1, null),
  });
  document = (await app.inject('/api/openapi.json')).json();
});
afterAll(() => app.close());

const operation = (path: string, method: string) => document.paths[path]![method]!;

it('is a valid OpenAPI 3.1 document of every route', async () => {
  const verdict = await new Validator().validate(
    structuredClone(document) as unknown as Record<string, unknown>,
  );
  expect(verdict).toMatchObject({ valid: true });
  expect(document.openapi).toBe('3.1.0');
  expect(document.info).toMatchObject({ title: 'Holdfast', version: '1.2.3' });
  expect(Object.keys(document.paths).sort()).toEqual([
    '/health',
    '/sessions/{id}/events',
    '/sessions/{id}/widgets',
  ]);
  expect(Object.keys(document.components.securitySchemes)).toEqual(['bearer', 'apiKey']);
});

it('documents parameters, bodies and replies from the Zod schemas', () => {
  const list = operation('/sessions/{id}/events', 'get');
  const parameter = (name: string) => list.parameters.find((p) => p.name === name);
  expect(parameter('limit')).toMatchObject({
    in: 'query',
    schema: { type: 'integer', maximum: 100, default: 20 },
  });
  expect(parameter('limit')!.required ?? false).toBe(false);
  expect(parameter('id')).toMatchObject({
    in: 'path',
    required: true,
    schema: { type: 'string', format: 'uuid' },
  });
  const { content } = list.responses['200']!;
  expect(Object.keys(content!)).toEqual(['application/json', 'text/event-stream']);
  expect(content!['application/json']!.schema).toMatchObject({
    properties: { data: { items: { $ref: '#/components/schemas/Event' } } },
  });
  const create = operation('/sessions/{id}/widgets', 'post');
  const body = JSON.stringify(create.requestBody);
  expect(body).toContain('#/components/schemas/WidgetInput');
  expect(JSON.stringify(document.components.schemas)).toContain('"maxLength":9');
});

it('adds the errors as the one Error schema', () => {
  const { responses } = operation('/sessions/{id}/widgets', 'post');
  for (const status of ['400', '401', '403', '404', '409', '413', '415', '422', '429', '500', '503']) {
    expect(responses[status]?.content?.['application/json']?.schema).toEqual({
      $ref: '#/components/schemas/Error',
    });
  }
  expect(operation('/health', 'get').responses['401']).toBeUndefined();
  expect(operation('/health', 'get').security).toEqual([]);
});

it('refers only to components that exist, and has none that nothing refers to', () => {
  const refs = new Set(
    [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((m) => m[1]!),
  );
  expect([...refs].sort()).toEqual(Object.keys(document.components.schemas).sort());
  expect(refs).toContain('Error');
});

it('chooses between page and document by Accept', async () => {
  const json = await app.inject({ url: '/api/docs', headers: { accept: 'application/json' } });
  expect(json.json()).toEqual(document);
  const html = await app.inject({
    url: '/api/docs',
    headers: { accept: 'text/html,application/json;q=0.5' },
  });
  expect(html.headers['content-type']).toContain('text/html');
});

it('is sent once to whoever keeps it', async () => {
  const first = await app.inject('/api/openapi.json');
  expect(first.headers['cache-control']).toBe('public, max-age=300');
  const headers = { 'if-none-match': String(first.headers.etag) };
  const again = await app.inject({ url: '/api/openapi.json', headers });
  expect([again.statusCode, again.body]).toEqual([304, '']);
});

it('serves the explorer without any outside request', async () => {
  const html = await app.inject({ url: '/api/docs', headers: { accept: 'text/html' } });
  expect(html.headers['content-security-policy']).toContain("default-src 'none'");
  expect(html.headers['content-security-policy']).not.toMatch(/https?:|unsafe-eval|\*/);
  const files = [...html.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((m) => m[1]!);
  expect(files.length).toBeGreaterThan(4);
  expect(html.body).not.toMatch(/<script(?![^>]* src=)/);
  for (const file of files) {
    expect(file).toMatch(/^\/api\/docs\/static\//);
    const answer = await app.inject(file);
    expect([file, answer.statusCode]).toEqual([file, 200]);
    expect(answer.headers['x-request-id']).toBeDefined();
    if (file.endsWith('.css')) expect(answer.body).not.toMatch(/url\(["']?(https?:)?\/\/|@import/);
  }
  const start = await app.inject('/api/docs/static/swagger-initializer.js');
  expect(start.body).not.toMatch(/https?:\/\/(?!stackoverflow)/);
  expect(start.body).toContain('validatorUrl: null');
  expect((await app.inject('/api/docs/json')).json()).toEqual(document);
});

it('answers a file the explorer does not have with the one error body', async () => {
  const answer = await app.inject('/api/docs/static/nope.js');
  expect([answer.statusCode, answer.json().code]).toEqual([404, 'NOT_FOUND']);
});
