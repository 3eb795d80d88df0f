import { z } from 'zod';
import { timestampSchema } from './common.ts';

/** The versions of the HTTP API. */
export const API_VERSIONS = ['v1', 'v2'] as const;
export const apiVersionSchema = z.enum(API_VERSIONS);
export type ApiVersion = z.infer<typeof apiVersionSchema>;

/** What a tenant can switch for one version of the API at a time, and what it is when nobody has. */
export const FEATURE_FLAGS = {
  list_links: {
    description: 'Lists carry `links`: the URL of this page and of the next.',
    default: false,
  },
} as const satisfies Record<string, { description: string; default: boolean }>;

export type FeatureFlagName = keyof typeof FEATURE_FLAGS;
export const FEATURE_FLAG_NAMES = Object.keys(FEATURE_FLAGS) as [FeatureFlagName, ...FeatureFlagName[]];
export const featureFlagNameSchema = z.enum(FEATURE_FLAG_NAMES);

export const featureFlagSchema = z
  .object({
    version: apiVersionSchema,
    name: featureFlagNameSchema,
    description: z.string(),
    enabled: z.boolean(),
    default: z.boolean(),
    updated_by: z.string().nullable().describe('Null as long as nobody has set it.'),
    updated_at: timestampSchema.nullable(),
  })
  .meta({ id: 'FeatureFlag' });
export type FeatureFlag = z.infer<typeof featureFlagSchema>;

export const setFeatureFlagSchema = z.strictObject({
  version: apiVersionSchema,
  name: featureFlagNameSchema,
  enabled: z.boolean(),
});
export type SetFeatureFlag = z.infer<typeof setFeatureFlagSchema>;

export const clientConfigSchema = z
  .object({
    version: apiVersionSchema,
    flags: z
      .object({ list_links: z.boolean() } satisfies Record<FeatureFlagName, z.ZodType>)
      .describe('Of this version of the API.'),
    limits: z.object({
      body_bytes: z.int().describe('Largest JSON body.'),
      upload_bytes: z.int().describe('Largest uploaded document.'),
      page_default: z.int(),
      page_max: z.int(),
    }),
    document_media_types: z.array(z.string()),
  })
  .meta({ id: 'ClientConfig' });
export type ClientConfig = z.infer<typeof clientConfigSchema>;

const daySchema = z.iso.date().refine((day) => day >= '0001', 'must be after the year 0');

/** Both days are included. */
export const apiUsageQuerySchema = z.strictObject({
  from: daySchema.optional().describe('First day, UTC; by default 29 days before the last.'),
  to: daySchema.optional().describe('Last day, UTC; by default today.'),
  version: apiVersionSchema.optional(),
});
export type ApiUsageQuery = z.infer<typeof apiUsageQuerySchema>;

export const apiUsageSchema = z
  .object({
    from: daySchema,
    to: daySchema,
    versions: z.array(
      z.object({
        version: z.string(),
        requests: z.int().min(0),
        days: z.array(z.object({ day: daySchema, requests: z.int() })),
        routes: z
          .array(z.object({ route: z.string(), deprecated: z.boolean(), requests: z.int() }))
          .describe('Most used first.'),
        principals: z
          .array(z.object({ principal: z.string(), requests: z.int() }))
          .describe('Who calls: `user:<id>`, `key:<id>` …; the 100 that call most.'),
      }),
    ),
  })
  .meta({ id: 'ApiUsage' });
export type ApiUsage = z.infer<typeof apiUsageSchema>;
