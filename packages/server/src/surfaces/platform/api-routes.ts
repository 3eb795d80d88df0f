import {
  apiUsageQuerySchema,
  apiUsageSchema,
  clientConfigSchema,
  DOCUMENT_MEDIA_TYPES,
  featureFlagSchema,
  setFeatureFlagSchema,
  type ApiVersion,
  type ClientConfig,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { readApiUsage, type UsageCounter } from '../../core/api-usage/index.ts';
import { listFlags, setFlag, type FlagCache } from '../../core/flag/index.ts';
import { defineRoute } from '../shared/route.ts';
import { ok, okBody, pageSizes } from '../shared/schema.ts';

const admin = { tags: ['api'], auth: 'required', scope: 'admin' } as const;
const HOUR = 3600;

/** `/api/v1/config`, and under `/api/v1/admin` the flags and the use of the API itself. */
export function addApiRoutes(
  app: FastifyInstance,
  options: { flags: FlagCache; usage: UsageCounter; configOf: ReadConfig },
): void {
  const { flags, usage, configOf } = options;
  defineRoute(app, {
    ...configDoc,
    url: '/api/v1/config',
    operationId: 'getConfig',
    response: { 200: ok(clientConfigSchema) },
    handler: async (ctx) => okBody(await configOf(ctx.principal.tenantId, 'v1')),
  });
  defineRoute(app, {
    ...admin,
    method: 'GET',
    url: '/api/v1/admin/feature-flags',
    operationId: 'listFeatureFlags',
    summary: 'List the feature flags of every version of the API',
    response: { 200: ok(z.array(featureFlagSchema)) },
    handler: async (ctx) => okBody(await listFlags(ctx)),
  });
  defineRoute(app, {
    ...admin,
    method: 'PUT',
    url: '/api/v1/admin/feature-flags',
    operationId: 'setFeatureFlag',
    summary: 'Switch a feature flag of one version of the API',
    description: 'Other versions, and other tenants, are not touched. Other servers follow within 5 seconds.',
    body: setFeatureFlagSchema,
    response: { 200: ok(featureFlagSchema) },
    handler: async (ctx, { body }) => okBody(await setFlag({ ...ctx, flags }, body)),
  });
  const isDeprecated = (route: string): boolean =>
    app.surface.docs.some((doc) => doc.deprecated !== undefined && `${doc.method} ${doc.url}` === route);
  defineRoute(app, {
    ...admin,
    method: 'GET',
    url: '/api/v1/admin/api-versions/usage',
    operationId: 'getApiUsage',
    summary: 'Read how often which version and route of the API was called, and by whom',
    query: apiUsageQuerySchema,
    response: { 200: ok(apiUsageSchema) },
    handler: async (ctx, { query }) => okBody(await readApiUsage({ ...ctx, usage, isDeprecated }, query)),
  });
}

/** What `/config` of every version has in common. */
export const configDoc = {
  method: 'GET',
  summary: 'Get what clients need to know of this server, and the feature flags of this version',
  tags: ['api'],
  auth: 'required',
  cache: { maxAge: HOUR, staleWhileRevalidate: 60 },
} as const;

export type ReadConfig = (tenantId: string, version: ApiVersion) => Promise<ClientConfig>;

/** @param limits bytes */
export function createReadConfig(
  flags: Pick<FlagCache, 'statesOf'>,
  limits: { body: number; upload: number },
): ReadConfig {
  return async (tenantId, version) => ({
    version,
    flags: await flags.statesOf(tenantId, version),
    limits: {
      body_bytes: limits.body,
      upload_bytes: limits.upload,
      page_default: pageSizes.default,
      page_max: pageSizes.max,
    },
    document_media_types: [...DOCUMENT_MEDIA_TYPES],
  });
}
