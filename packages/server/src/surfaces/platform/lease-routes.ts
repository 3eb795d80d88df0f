import {
  claimLeaseSchema,
  heartbeatReplySchema,
  heartbeatSchema,
  leaseSchema,
  releaseLeaseSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { heartbeat, releaseLease } from '../../core/lease/index.ts';
import { claimSession } from '../../core/run/index.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody } from '../shared/schema.ts';

const base = {
  tags: ['leases'],
  auth: 'required',
  scope: 'hold',
  method: 'POST',
  params: z.object({ session_id: idParam('Session') }),
} as const;

/** `/api/v1/sessions/:session_id/lease`: how anyone outside becomes the holder of a session. */
export function addLeaseRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    url: '/api/v1/sessions/:session_id/lease',
    operationId: 'claimLease',
    summary: 'Claim a session that is free or stalled',
    description:
      'The epoch in the answer goes with every later write; an older one is refused with LEASE_LOST.',
    headers: idempotencyHeaders,
    body: claimLeaseSchema,
    response: { 201: ok(leaseSchema) },
    handler: async (ctx, { params: { session_id }, body, headers }, reply) =>
      okBody(await claimSession(onceCtx(ctx, headers, reply), session_id, body)),
  });
  defineRoute(app, {
    ...base,
    url: '/api/v1/sessions/:session_id/lease/heartbeat',
    operationId: 'heartbeat',
    summary: 'Extend the lease',
    body: heartbeatSchema,
    response: { 200: ok(heartbeatReplySchema) },
    handler: async (ctx, { params: { session_id }, body }) => okBody(await heartbeat(ctx, session_id, body)),
  });
  defineRoute(app, {
    ...base,
    url: '/api/v1/sessions/:session_id/lease/release',
    operationId: 'releaseLease',
    summary: 'Give the lease back',
    body: releaseLeaseSchema,
    response: { 204: null },
    handler: async (ctx, { params: { session_id }, body }) => releaseLease(ctx, session_id, body),
  });
}
