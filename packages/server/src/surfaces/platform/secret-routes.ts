import {
  addSecretVersionSchema,
  createSecretSchema,
  secretAccessSchema,
  secretDetailSchema,
  secretRewrapSchema,
  secretSchema,
  secretStatusSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  addSecretVersion,
  createSecret,
  deleteSecret,
  disableSecretVersion,
  getSecret,
  getSecretStatus,
  listSecretAccesses,
  listSecrets,
  startRewrap,
} from '../../features/secret/index.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page, wholeNumber } from '../shared/schema.ts';

const base = { tags: ['secrets'], auth: 'required', scope: 'admin' } as const;
const params = z.object({ secret_id: idParam('Secret') });

/** `/api/v1/secrets`: values that the server uses for a tenant. No answer holds one. */
export function addSecretRoutes(app: FastifyInstance): void {
  addWrites(app);
  addReads(app);
  addAdmin(app);
}

function addWrites(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/secrets',
    operationId: 'createSecret',
    summary: 'Store a secret; its value is never shown again',
    headers: idempotencyHeaders,
    body: createSecretSchema,
    response: { 201: ok(secretSchema) },
    fails: [409],
    handler: async (ctx, { body, headers }, reply) =>
      okBody(await createSecret(onceCtx(ctx, headers, reply), body)),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/secrets/:secret_id/versions',
    operationId: 'addSecretVersion',
    summary: 'Give a secret a new value',
    description: 'The new version is used at once. Earlier ones stay as a way back until they are disabled.',
    params,
    headers: idempotencyHeaders,
    body: addSecretVersionSchema,
    response: { 201: ok(secretSchema) },
    handler: async (ctx, { params: { secret_id }, body, headers }, reply) =>
      okBody(await addSecretVersion(onceCtx(ctx, headers, reply), secret_id, body)),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/secrets/:secret_id/versions/:version/disable',
    operationId: 'disableSecretVersion',
    summary: 'Take a version out of use for good',
    description:
      'The newest version that is left is used from then on; without any, the secret is refused on use.',
    params: params.extend({ version: wholeNumber(1, 2_147_483_647) }),
    response: { 200: ok(secretDetailSchema) },
    handler: async (ctx, { params: { secret_id, version } }) =>
      okBody(await disableSecretVersion(ctx, secret_id, version)),
  });
  defineRoute(app, {
    ...base,
    method: 'DELETE',
    url: '/api/v1/secrets/:secret_id',
    operationId: 'deleteSecret',
    summary: 'Delete a secret with all its versions; the record of its uses stays',
    params,
    response: { 204: null },
    handler: async (ctx, { params: { secret_id } }) => deleteSecret(ctx, secret_id),
  });
}

function addReads(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/secrets',
    operationId: 'listSecrets',
    summary: 'List secrets, newest first',
    query: z.strictObject(idPageQuery),
    response: { 200: page(secretSchema) },
    handler: async (ctx, { query }) => pageReply(await listSecrets(ctx, toPageQuery(query))),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/secrets/:secret_id',
    operationId: 'getSecret',
    summary: 'Get what is known of a secret and its versions',
    params,
    response: { 200: ok(secretDetailSchema) },
    handler: async (ctx, { params: { secret_id } }) => okBody(await getSecret(ctx, secret_id)),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/secrets/:secret_id/accesses',
    operationId: 'listSecretAccesses',
    summary: "List every use of a secret's value, newest first",
    params,
    query: z.strictObject(idPageQuery),
    response: { 200: page(secretAccessSchema) },
    handler: async (ctx, { params: { secret_id }, query }) =>
      pageReply(await listSecretAccesses(ctx, secret_id, toPageQuery(query))),
  });
}

function addAdmin(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/admin/secrets/status',
    operationId: 'getSecretStatus',
    summary: 'Unused and expiring secrets; for the operator also the keys that protect them',
    response: { 200: ok(secretStatusSchema) },
    handler: async (ctx) => okBody(await getSecretStatus(ctx)),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/admin/secrets/rewrap',
    operationId: 'rewrapSecrets',
    summary: 'Put the secrets of all tenants under the current key',
    description:
      'For the operator: an owner of the first tenant, logged in. It happens in the background; the status tells how far it is.',
    response: { 202: ok(secretRewrapSchema) },
    handler: async (ctx) => okBody(await startRewrap(ctx)),
  });
}
