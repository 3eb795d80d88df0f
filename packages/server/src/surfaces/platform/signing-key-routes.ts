import { rotateSigningKeySchema, signingKeySchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { listSigningKeys, rotateSigningKey, type IdentityServices } from '../../core/identity/index.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { defineRoute } from '../shared/route.ts';
import { ok, okBody } from '../shared/schema.ts';

const operators = 'For the owners of the first team of the installation, logged in to it.';
const base = { tags: ['admin'], auth: 'required', accepts: ['user'], scope: 'admin' } as const;

/** `/api/v1/admin/signing-keys`: the keys that login tokens are signed with. */
export function addSigningKeyRoutes(app: FastifyInstance, identity: IdentityServices): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/admin/signing-keys',
    operationId: 'listSigningKeys',
    summary: 'List the keys that sign login tokens, newest first',
    description: `${operators} The keys themselves are nowhere: they are derived from JWT_SECRET and the kid.`,
    response: { 200: ok(signingKeySchema.array()) },
    handler: async (ctx) => okBody(await listSigningKeys(ctx)),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/admin/signing-keys/rotate',
    operationId: 'rotateSigningKey',
    summary: 'Sign login tokens with a new key from now on',
    description:
      `${operators} Tokens of older keys stay valid for \`overlap_seconds\`, the life of a token when left out, so ` +
      'that no request fails. With 0 all access tokens end, on each server within 10 s; logins go on by refresh.',
    headers: idempotencyHeaders,
    body: rotateSigningKeySchema,
    response: { 201: ok(signingKeySchema) },
    handler: async (ctx, { body, headers }, reply) =>
      okBody(await rotateSigningKey({ ...onceCtx(ctx, headers, reply), tokens: identity.tokens }, body)),
  });
}
