import { revokedSessionsSchema, userSessionSchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { listLogins, revokeLogin, revokeOtherLogins } from '../../core/identity/index.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page } from '../shared/schema.ts';

const own = { tags: ['identity'], auth: 'required', accepts: ['user'] } as const;

/** `/api/v1/auth/sessions`: where a user is logged in. */
export function addUserSessionRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...own,
    method: 'GET',
    url: '/api/v1/auth/sessions',
    operationId: 'listUserSessions',
    summary: 'List the places where you are logged in, newest first',
    query: z.strictObject(idPageQuery),
    response: { 200: page(userSessionSchema) },
    handler: async (ctx, { query }) => pageReply(await listLogins(ctx, toPageQuery(query))),
  });
  defineRoute(app, {
    ...own,
    method: 'DELETE',
    url: '/api/v1/auth/sessions/:user_session_id',
    operationId: 'revokeUserSession',
    summary: 'End one of your logins',
    description: 'Its tokens are refused from the next request on; its open streams end within seconds.',
    params: z.object({ user_session_id: idParam('Login') }),
    response: { 204: null },
    handler: async (ctx, { params: { user_session_id } }) => revokeLogin(ctx, user_session_id),
  });
  defineRoute(app, {
    ...own,
    method: 'POST',
    url: '/api/v1/auth/sessions/revoke-all',
    operationId: 'revokeOtherUserSessions',
    summary: 'End all your logins but this one',
    response: { 200: ok(revokedSessionsSchema) },
    handler: async (ctx) => okBody(await revokeOtherLogins(ctx)),
  });
}
