import { principalSchema, type WhoAmI } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { CREDENTIAL_KINDS, SCOPES, type Principal } from '../../core/context.ts';
import { defineRoute } from '../shared/route.ts';
import { ok, okBody } from '../shared/schema.ts';

function toWire({ kind, tenantId, actor, userId, scopes, expiresAt }: Principal): WhoAmI {
  return {
    kind: kind as WhoAmI['kind'],
    tenant_id: tenantId,
    actor,
    user_id: userId,
    scopes: SCOPES.filter((scope) => scopes.has(scope)),
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  };
}

/** `/api/v1/me`: whom the server takes the caller for, whatever kind of credential it shows. */
export function addMeRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    method: 'GET',
    url: '/api/v1/me',
    operationId: 'getPrincipal',
    summary: 'Who the credential of this request stands for',
    tags: ['identity'],
    auth: 'required',
    accepts: CREDENTIAL_KINDS,
    response: { 200: ok(principalSchema) },
    handler: async (ctx) => okBody(toWire(ctx.principal)),
  });
}
