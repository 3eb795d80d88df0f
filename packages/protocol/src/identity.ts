import { z } from 'zod';
import { idSchema, timestampSchema } from './common.ts';

/** What a credential may do. `admin` includes the rest; `hold` is the right to work as a holder. */
export const scopeSchema = z.enum(['read', 'write', 'hold', 'admin']);

export const apiKeySchema = z
  .object({
    id: idSchema,
    name: z.string(),
    prefix: z.string().describe('The first characters of the secret, to recognise it by.'),
    scopes: z.array(scopeSchema),
    created_by: z.string().describe('user:<id> or key:<id>.'),
    created_at: timestampSchema,
    expires_at: timestampSchema.nullable(),
    revoked_at: timestampSchema.nullable(),
    last_used_at: timestampSchema.nullable().describe('Recorded at most once a minute.'),
    previous_expires_at: timestampSchema
      .nullable()
      .describe('Until when the secret before the last rotation is taken.'),
  })
  .meta({ id: 'ApiKey' });
export type ApiKey = z.infer<typeof apiKeySchema>;

export const newApiKeySchema = apiKeySchema
  .extend({
    secret: z
      .string()
      .nullable()
      .describe('Told once: null when an Idempotency-Key repeats the request, as it is not stored.'),
  })
  .meta({ id: 'NewApiKey' });
export type NewApiKey = z.infer<typeof newApiKeySchema>;

export const createApiKeySchema = z.strictObject({
  name: z.string().trim().min(1).max(200),
  scopes: z
    .array(scopeSchema)
    .min(1)
    .max(scopeSchema.options.length)
    .refine((scopes) => new Set(scopes).size === scopes.length, 'must not repeat a scope'),
  expires_at: z.iso
    .datetime({ offset: true })
    .nullish()
    .describe('ISO 8601, in the future; never when left out.'),
});
export type CreateApiKey = z.infer<typeof createApiKeySchema>;
