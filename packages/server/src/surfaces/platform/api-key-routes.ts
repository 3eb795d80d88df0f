import {
  apiKeySchema,
  createApiKeySchema,
  newApiKeySchema,
  rotateApiKeySchema,
  updateApiKeySchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  createApiKey,
  listApiKeys,
  revokeApiKey,
  rotateApiKey,
  updateApiKey,
} from '../../core/identity/index.ts';
import { ifMatchHeaders } from '../shared/etag.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page } from '../shared/schema.ts';

const base = { tags: ['identity'], auth: 'required', scope: 'admin' } as const;
const params = z.object({ key_id: idParam('API key') });

/** `/api/v1/api-keys`: credentials of programs. */
export function addApiKeyRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/api-keys',
    operationId: 'createApiKey',
    summary: 'Create an API key; its secret is shown once',
    headers: idempotencyHeaders,
    body: createApiKeySchema,
    response: { 201: ok(newApiKeySchema) },
    handler: async (ctx, { body, headers }, reply) =>
      okBody(await createApiKey(onceCtx(ctx, headers, reply), body)),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/api-keys',
    operationId: 'listApiKeys',
    summary: 'List API keys, newest first',
    query: z.strictObject(idPageQuery),
    response: { 200: page(apiKeySchema) },
    handler: async (ctx, { query }) => pageReply(await listApiKeys(ctx, toPageQuery(query))),
  });
  defineRoute(app, {
    ...base,
    method: 'PATCH',
    url: '/api/v1/api-keys/:key_id',
    operationId: 'updateApiKey',
    summary: 'Change the name or the expiry of an API key',
    params,
    headers: ifMatchHeaders,
    body: updateApiKeySchema,
    response: { 200: ok(apiKeySchema) },
    handler: async (ctx, { params: { key_id }, body }) => okBody(await updateApiKey(ctx, key_id, body)),
  });
  defineRoute(app, {
    ...base,
    method: 'DELETE',
    url: '/api/v1/api-keys/:key_id',
    operationId: 'revokeApiKey',
    summary: 'Revoke an API key; it stays listed',
    params,
    response: { 200: ok(apiKeySchema) },
    handler: async (ctx, { params: { key_id } }) => okBody(await revokeApiKey(ctx, key_id)),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/api-keys/:key_id/rotate',
    operationId: 'rotateApiKey',
    summary: 'Give an API key a new secret, shown once',
    description: 'The old secret stays valid for `grace_seconds`, by default not at all.',
    params,
    headers: idempotencyHeaders,
    body: rotateApiKeySchema,
    response: { 200: ok(newApiKeySchema) },
    handler: async (ctx, { params: { key_id }, body, headers }, reply) =>
      okBody(await rotateApiKey(onceCtx(ctx, headers, reply), key_id, body)),
  });
}
