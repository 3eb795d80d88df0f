import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp, type App } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { eventWebhooks } from '../src/surfaces/shared/openapi-webhooks.ts';
import { Validator } from '@seriousme/openapi-schema-validator';
import { EVENT_SCHEMAS } from '@holdfast/protocol';

interface Operation {
  operationId: string;
  requestBody?: { content: Record<string, { example: unknown } | undefined> };
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  webhooks?: Record<string, { post: { requestBody: { content: Record<string, { schema: object }> } } }>;
  tags: { name: string; description?: string }[];
}

let app: App;
let folder: string;
let document: Document;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-document-'));
  const env = { DATA_DIR: folder, LOG_LEVEL: 'silent', DASHBOARD: 'false' };
  app = await createApp(loadConfig(env, null));
  await app.http.ready();
  document = (await app.http.inject('/api/openapi.json')).json();
}, 60_000);
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Routes that serve the document itself and its explorer. */
const FILES = ['GET /api/openapi.json', 'GET /api/docs', 'GET /api/docs/*'];

it('BF-1.3.a documents every route there is, and none that is not', () => {
  const there = [...app.http.surface.paths.routes()].filter((route) => !/^(HEAD|OPTIONS) /.test(route));
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  );
  expect(there.filter((route) => !FILES.includes(route)).sort()).toEqual(documented.sort());
  expect(documented.length).toBeGreaterThan(80);
});

it('has a body in every example that its own route takes', () => {
  const byId = new Map(
    Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((operation) => [operation.operationId, operation] as const),
    ),
  );
  const refused = app.http.surface.docs.flatMap(({ operationId, body }) => {
    const example = byId.get(operationId)?.requestBody?.content['application/json']?.example;
    const result = example === undefined ? undefined : body?.safeParse(example);
    return result === undefined || result.success ? [] : [`${operationId}: ${result.error.message}`];
  });
  expect(refused).toEqual([]);
});

it('has a description for every tag', () => {
  expect(document.tags.filter(({ description }) => description === undefined)).toEqual([]);
});

it('BF-1.3.f describes the payload of every event type once something is delivered to others', async () => {
  expect(document.webhooks).toBeUndefined();
  const other = await createApp(
    loadConfig({ DATA_DIR: `${folder}/other`, LOG_LEVEL: 'silent', DASHBOARD: 'false' }, null),
  );
  try {
    other.http.surface.webhooks.push(...eventWebhooks());
    const described = (await other.http.inject('/api/openapi.json')).json() as Document;
    expect(Object.keys(described.webhooks!)).toEqual(Object.keys(EVENT_SCHEMAS));
    const { schema } = described.webhooks!['run.failed']!.post.requestBody.content['application/json']!;
    expect(JSON.stringify(schema)).toContain('"const":"run.failed"');
    expect(JSON.stringify(schema)).toContain('"error"');
    const verdict = await new Validator().validate(structuredClone(described) as never);
    expect(verdict).toMatchObject({ valid: true });
  } finally {
    await other.close();
  }
});
