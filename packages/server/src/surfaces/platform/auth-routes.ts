import {
  apiKeySchema,
  createApiKeySchema,
  loginReplySchema,
  loginSchema,
  newApiKeySchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  createApiKey,
  listApiKeys,
  login,
  revokeApiKey,
  type IdentityServices,
} from '../../core/identity/index.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page } from '../shared/schema.ts';

const base = { tags: ['identity'], auth: 'required', scope: 'admin' } as const;

/** `/api/v1/auth/login` and `/api/v1/api-keys`. */
export function addAuthRoutes(app: FastifyInstance, identity: IdentityServices): void {
  defineRoute(app, {
    method: 'POST',
    url: '/api/v1/auth/login',
    operationId: 'login',
    summary: 'Log in with e-mail and password',
    tags: ['identity'],
    auth: 'none',
    body: loginSchema,
    response: { 200: ok(loginReplySchema) },
    fails: [401],
    handler: async (_ctx, { body }) => okBody(await login(identity, body)),
  });
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
    method: 'DELETE',
    url: '/api/v1/api-keys/:key_id',
    operationId: 'revokeApiKey',
    summary: 'Revoke an API key; it stays listed',
    params: z.object({ key_id: idParam('API key') }),
    response: { 200: ok(apiKeySchema) },
    handler: async (ctx, { params: { key_id } }) => okBody(await revokeApiKey(ctx, key_id)),
  });
}
