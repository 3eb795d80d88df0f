import {
  rateBlockSchema,
  rateLimitsSchema,
  rateOverrideSchema,
  rateSubjectSchema,
  rateUsageSchema,
  setRateOverrideSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  deleteOverride,
  getLimitUsage,
  listLimits,
  resetLimit,
  setOverride,
  unblockSubject,
} from '../../core/limit/index.ts';
import { parseAddress } from '../shared/client-address.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody } from '../shared/schema.ts';

const URL = '/api/v1/admin/rate-limits';
const base = { tags: ['admin'], auth: 'required', scope: 'admin' } as const;
const params = z.object({ policy: z.string().min(1).max(100) });
const reach =
  'An administrator reaches the subjects of the own tenant and may lower limits, or raise them up to what the tier ' +
  'allows. The operator (an owner of the first team, logged in) may raise them further, and reaches every tenant and ' +
  'what belongs to none, such as addresses.';

/** One form for an address, as it is counted. */
function withAddress<T extends { subject?: string | null }>(body: T): T {
  const subject = body.subject?.replace(/^ip:(\S+)/, (_match, ip: string) => `ip:${parseAddress(ip) ?? ip}`);
  return subject === undefined ? body : { ...body, subject };
}

/** `/api/v1/admin/rate-limits`: what is limited, and exceptions from it. */
export function addLimitRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: URL,
    operationId: 'getRateLimits',
    summary: "List the rate limits with the tenant's numbers, overrides and blocks",
    response: { 200: ok(rateLimitsSchema) },
    handler: async (ctx) => okBody(await listLimits(ctx)),
  });
  defineRoute(app, {
    ...base,
    method: 'PUT',
    url: `${URL}/:policy`,
    operationId: 'setRateOverride',
    summary: 'Set other numbers for one subject or the whole tenant',
    description: `In force at once, on other servers within five seconds. ${reach}`,
    params,
    body: setRateOverrideSchema,
    response: { 200: ok(rateOverrideSchema) },
    fails: [404, 409],
    handler: async (ctx, { params: { policy }, body }) =>
      okBody(await setOverride(ctx, policy, withAddress(body))),
  });
  defineRoute(app, {
    ...base,
    method: 'DELETE',
    url: `${URL}/overrides/:override_id`,
    operationId: 'deleteRateOverride',
    summary: 'Remove an override: the numbers of the tier are in force again',
    params: z.object({ override_id: idParam('Override') }),
    response: { 200: ok(rateOverrideSchema) },
    handler: async (ctx, { params: { override_id } }) => okBody(await deleteOverride(ctx, override_id)),
  });
  addSubjectRoutes(app);
}

function addSubjectRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: `${URL}/:policy`,
    operationId: 'getRateUsage',
    summary: 'See what one subject has left',
    description: reach,
    params,
    query: rateSubjectSchema,
    response: { 200: ok(rateUsageSchema) },
    fails: [404],
    handler: async (ctx, { params: { policy }, query }) =>
      okBody(await getLimitUsage(ctx, policy, withAddress(query))),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: `${URL}/:policy/reset`,
    operationId: 'resetRateLimit',
    summary: 'Forget what one subject has used',
    description: reach,
    params,
    body: rateSubjectSchema,
    response: { 200: ok(rateUsageSchema) },
    fails: [404],
    handler: async (ctx, { params: { policy }, body }) =>
      okBody(await resetLimit(ctx, policy, withAddress(body))),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: `${URL}/:policy/unblock`,
    operationId: 'unblockRateSubject',
    summary: 'End the block of one subject',
    description: reach,
    params,
    body: rateSubjectSchema,
    response: { 200: ok(rateBlockSchema) },
    fails: [404],
    handler: async (ctx, { params: { policy }, body }) =>
      okBody(await unblockSubject(ctx, policy, withAddress(body))),
  });
}
