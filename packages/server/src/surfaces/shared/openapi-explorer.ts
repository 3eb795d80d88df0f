import { readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify from 'fastify';
import { buildDocument, toRouteSchema, type OpenApiDocument } from './openapi-document.ts';
import { finishDocument } from './openapi-finish.ts';
import type { WebhookDoc } from './openapi-webhooks.ts';
import type { RouteDoc } from './route-doc.ts';

export interface ExplorerAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Explorer {
  /** The OpenAPI document as JSON text. */
  json: string;
  /** @returns null when the explorer has no such file */
  get(url: string, ifNoneMatch: string | undefined): Promise<ExplorerAnswer | null>;
}

export interface ExplorerOptions {
  docs: readonly RouteDoc[];
  webhooks: readonly WebhookDoc[];
  version: string;
  publicUrl: string | undefined;
  routePrefix: string;
}

const SAMPLES = new URL('./explorer-samples.js', import.meta.url);
const PASSED_HEADERS = ['content-type', 'etag', 'last-modified', 'cache-control', 'location'];

/** Generates the document on a server of its own that is never listened to. */
export async function buildExplorer({
  docs,
  webhooks,
  version,
  publicUrl,
  routePrefix,
}: ExplorerOptions): Promise<Explorer> {
  const app = Fastify({ exposeHeadRoutes: false });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  let document: OpenApiDocument | null = null;
  await app.register(swagger, buildDocument(version, publicUrl));
  await app.register(swaggerUi, {
    routePrefix,
    uiConfig: { docExpansion: 'list', deepLinking: true, persistAuthorization: false },
    theme: {
      title: 'Holdfast API',
      js: [{ filename: 'samples.js', content: readFileSync(SAMPLES, 'utf8') }],
    },
    transformSpecification: () => document ?? {},
    transformSpecificationClone: false,
  });
  for (const doc of docs) {
    app.route({ method: doc.method, url: doc.url, schema: toRouteSchema(doc), handler: async () => null });
  }
  await app.ready();
  document = pruneSchemas(finishDocument(app.swagger() as unknown as OpenApiDocument, docs, webhooks));
  return {
    json: JSON.stringify(document),
    async get(url, ifNoneMatch) {
      const headers = ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch };
      const answer = await app.inject({ method: 'GET', url, headers });
      if (answer.statusCode === 404) return null;
      const passed = PASSED_HEADERS.flatMap((name) => {
        const value = answer.headers[name];
        return value === undefined ? [] : [[name, String(value)] as const];
      });
      return { status: answer.statusCode, headers: Object.fromEntries(passed), body: answer.rawPayload };
    },
  };
}

/** Keeps only the components that something refers to. */
function pruneSchemas(document: OpenApiDocument): OpenApiDocument {
  const schemas = document.components?.schemas ?? {};
  const used = new Set<string>();
  const visit = (node: unknown): void => {
    for (const [, name] of JSON.stringify(node).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (name === undefined || used.has(name)) continue;
      used.add(name);
      visit(schemas[name] ?? null);
    }
  };
  visit([document.paths, document.webhooks]);
  const kept = Object.entries(schemas).filter(([name]) => used.has(name));
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(kept) } };
}
