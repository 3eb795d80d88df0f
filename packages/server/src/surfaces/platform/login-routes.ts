import {
  accessSchema,
  loginReplySchema,
  loginSchema,
  refreshLoginSchema,
  switchTenantSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import {
  login,
  logout,
  refreshLogin,
  switchTenant,
  type IdentityServices,
} from '../../core/identity/index.ts';
import { defineRoute } from '../shared/route.ts';
import { ok, okBody } from '../shared/schema.ts';

const tags = ['identity'];
const own = { tags, auth: 'required', accepts: ['user'] } as const;

/** `/api/v1/auth`: from a password to a token, to the next one, and to the end of the login. */
export function addLoginRoutes(app: FastifyInstance, identity: IdentityServices): void {
  addEntrances(app, identity);
  defineRoute(app, {
    ...own,
    method: 'POST',
    url: '/api/v1/auth/logout',
    operationId: 'logout',
    summary: 'End this login',
    description:
      'Its access and refresh tokens are refused from the next request on; open streams end within seconds. ' +
      'Other logins of the user go on.',
    response: { 204: null },
    handler: async (ctx) => logout(ctx),
  });
  defineRoute(app, {
    ...own,
    method: 'POST',
    url: '/api/v1/auth/switch-tenant',
    operationId: 'switchTenant',
    summary: 'Get a token for another team of the user',
    description:
      'Of the same login: the refresh token stays the same, and from now on gives tokens for the new team. ' +
      'The new token expires when the shown one does, and the shown one still works for its own team.',
    body: switchTenantSchema,
    response: { 200: ok(accessSchema) },
    fails: [404],
    handler: async (ctx, { body }) => okBody(await switchTenant({ ...ctx, tokens: identity.tokens }, body)),
  });
}

function addEntrances(app: FastifyInstance, identity: IdentityServices): void {
  defineRoute(app, {
    method: 'POST',
    url: '/api/v1/auth/login',
    operationId: 'login',
    summary: 'Log in with e-mail and password',
    description:
      'Answers 401 UNAUTHORIZED alike for an unknown e-mail and a wrong password. A user with a second factor gets ' +
      '401 TWO_FACTOR_REQUIRED with `challenge_token`, `expires_at` and `methods` as details instead of a token.',
    tags,
    auth: 'none',
    body: loginSchema,
    response: { 200: ok(loginReplySchema) },
    fails: [401, 404, 429],
    handler: async ({ client, requestId }, { body }) =>
      okBody(await login(identity, body, { client, requestId })),
  });
  defineRoute(app, {
    method: 'POST',
    url: '/api/v1/auth/refresh',
    operationId: 'refreshLogin',
    summary: 'Exchange a refresh token for new tokens',
    description:
      'Each refresh token is of use once. Sent again within 60 s, and before its successor is used, it gives the ' +
      'same successor: an answer may get lost. Sent again later, it ends the whole login, as one of two holders ' +
      'must be a thief.',
    tags,
    auth: 'none',
    body: refreshLoginSchema,
    response: { 200: ok(loginReplySchema) },
    fails: [401],
    handler: async ({ client, requestId }, { body }) =>
      okBody(await refreshLogin(identity, body, { client, requestId })),
  });
}
