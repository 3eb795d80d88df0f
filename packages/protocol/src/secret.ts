import { z } from 'zod';
import { idSchema, timestampSchema } from './common.ts';

export const secretKindSchema = z.enum(['model_key', 'tool_credential', 'webhook_secret', 'other']);
export type SecretKind = z.infer<typeof secretKindSchema>;

/** Longest value of a secret, UTF-16 units. */
export const MAX_SECRET_LENGTH = 16_384;

const valueSchema = z
  .string()
  .min(1)
  .max(MAX_SECRET_LENGTH)
  .describe('The secret itself. No call gives it back.')
  .meta({ writeOnly: true });

const expirySchema = z.iso
  .datetime({ offset: true })
  .nullable()
  .describe('ISO 8601, in the future: from then on the secret is refused on use. Null means never.');

/** A secret as it is shown: everything but its value. */
export const secretSchema = z
  .object({
    id: idSchema,
    name: z.string(),
    kind: secretKindSchema,
    description: z.string(),
    latest_version: z.int().describe('1 when it was made, one more with each new value.'),
    last4: z
      .string()
      .nullable()
      .describe('The last four characters of the latest value; null for values under 16 characters.'),
    created_by: z.string().describe('user:<id> or key:<id>.'),
    created_at: timestampSchema,
    updated_at: timestampSchema,
    last_accessed_at: timestampSchema.nullable().describe('When its value was last used.'),
    expires_at: timestampSchema.nullable(),
  })
  .meta({ id: 'Secret' });
export type Secret = z.infer<typeof secretSchema>;

export const secretVersionSchema = z
  .object({
    version: z.int(),
    key_id: z.string().describe('The key-encryption key that protects it.'),
    last4: z.string().nullable(),
    created_by: z.string(),
    created_at: timestampSchema,
    disabled_at: timestampSchema.nullable(),
  })
  .meta({ id: 'SecretVersion' });
export type SecretVersion = z.infer<typeof secretVersionSchema>;

export const secretDetailSchema = secretSchema
  .extend({ versions: z.array(secretVersionSchema).describe('Newest first, at most 100.') })
  .meta({ id: 'SecretDetail' });
export type SecretDetail = z.infer<typeof secretDetailSchema>;

export const createSecretSchema = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be lower case letters, digits, dots, dashes and underscores')
    .describe('Unique in the tenant. A model_key named openai, anthropic or compatible is used by agents.'),
  kind: secretKindSchema,
  value: valueSchema,
  description: z.string().max(500).default(''),
  expires_at: expirySchema.default(null),
});
export type CreateSecret = z.input<typeof createSecretSchema>;

export const addSecretVersionSchema = z.strictObject({
  value: valueSchema,
  expires_at: expirySchema.optional().describe('Of the secret from now on; stays as it is when left out.'),
});
export type AddSecretVersion = z.infer<typeof addSecretVersionSchema>;

export const secretAccessSchema = z
  .object({
    id: idSchema,
    version: z.int().nullable().describe('Null when none could be used.'),
    outcome: z.enum(['granted', 'expired', 'disabled']),
    actor: z.string(),
    purpose: z.string(),
    run_id: idSchema.nullable(),
    accessed_at: timestampSchema,
  })
  .meta({ id: 'SecretAccess' });
export type SecretAccess = z.infer<typeof secretAccessSchema>;

/** A pass that wraps every version's key anew with the current key-encryption key. */
export const secretRewrapSchema = z
  .object({
    id: idSchema,
    key_id: z.string().describe('The key-encryption key to wrap with.'),
    status: z.enum(['running', 'completed', 'failed']),
    rewrapped: z.int(),
    failed: z.int().describe('Versions that no configured key opens.'),
    requested_by: z.string(),
    started_at: timestampSchema,
    ended_at: timestampSchema.nullable(),
  })
  .meta({ id: 'SecretRewrap' });
export type SecretRewrap = z.infer<typeof secretRewrapSchema>;

export const secretStatusSchema = z
  .object({
    unused: z.array(secretSchema).describe('Not used, and not changed, for 90 days; at most 100.'),
    expiring: z
      .array(secretSchema)
      .describe('Expired or expiring within 30 days, the earliest first; at most 100.'),
    encryption: z
      .object({
        current_key: z.string(),
        keys: z.array(
          z.object({
            id: z.string(),
            configured: z.boolean(),
            versions: z.int().describe('Versions of secrets, of all tenants, that need this key.'),
          }),
        ),
        rewrap: secretRewrapSchema.nullable().describe('The latest.'),
      })
      .nullable()
      .describe('Of the whole installation; null for everybody but its operator.'),
  })
  .meta({ id: 'SecretStatus' });
export type SecretStatus = z.infer<typeof secretStatusSchema>;
