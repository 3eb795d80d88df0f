import {
  closeSessionSchema,
  createSessionSchema,
  sessionSchema,
  updateSessionSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { closeSession } from '../../core/run/index.ts';
import { createSession, getSession, listSessions, updateSession } from '../../core/session/index.ts';
import { ifMatchHeaders } from '../shared/etag.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { idPageQuery, pageReply } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page } from '../shared/schema.ts';

const base = { tags: ['sessions'], auth: 'required' } as const;
const params = z.object({ session_id: idParam('Session') });

/** `/api/v1/sessions`: one piece of work with its log. */
export function addSessionRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/sessions',
    operationId: 'createSession',
    summary: 'Create a session',
    scope: 'write',
    headers: idempotencyHeaders,
    body: createSessionSchema,
    response: { 201: ok(sessionSchema) },
    fails: [404],
    handler: async (ctx, { body, headers }, reply) =>
      okBody(await createSession(onceCtx(ctx, headers, reply), body)),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/sessions',
    operationId: 'listSessions',
    summary: 'List sessions, newest first',
    scope: 'read',
    query: z.strictObject({
      ...idPageQuery,
      project_id: z.uuid().optional(),
      status: z.enum(['active', 'completed', 'failed', 'interrupted']).optional(),
    }),
    response: { 200: page(sessionSchema) },
    handler: async (ctx, { query: { limit, cursor, ...filter } }) =>
      pageReply(await listSessions(ctx, { limit, after: cursor, ...filter })),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/sessions/:session_id',
    operationId: 'getSession',
    summary: 'Get a session with its lease',
    scope: 'read',
    params,
    response: { 200: ok(sessionSchema) },
    handler: async (ctx, { params: { session_id } }) => okBody(await getSession(ctx, session_id)),
  });
  addChangeRoutes(app);
}

function addChangeRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'PATCH',
    url: '/api/v1/sessions/:session_id',
    operationId: 'updateSession',
    summary: 'Change a session',
    scope: 'write',
    params,
    headers: ifMatchHeaders,
    body: updateSessionSchema,
    response: { 200: ok(sessionSchema) },
    handler: async (ctx, { params: { session_id }, body }) =>
      okBody(await updateSession(ctx, session_id, body)),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/sessions/:session_id/close',
    operationId: 'closeSession',
    summary: 'Close a session for good',
    description: 'Cancels its unfinished runs and revokes its lease. The log stays readable.',
    scope: 'write',
    params,
    body: closeSessionSchema,
    response: { 200: ok(sessionSchema) },
    handler: async (ctx, { params: { session_id }, body }) =>
      okBody(await closeSession(ctx, session_id, body)),
  });
}
