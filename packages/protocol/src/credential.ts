import { z } from 'zod';
import { idSchema, timestampSchema } from './common.ts';
import { createApiKeySchema, scopeSchema } from './identity.ts';

/** Longest time that both secrets of a rotated key may be valid, seconds. */
export const MAX_GRACE_SECONDS = 7 * 24 * 3600;

export const rotateApiKeySchema = z.strictObject({
  grace_seconds: z
    .int()
    .min(0)
    .max(MAX_GRACE_SECONDS)
    .default(0)
    .describe('How long the old secret stays valid; at most 7 days.'),
});
export type RotateApiKey = z.input<typeof rotateApiKeySchema>;

export const updateApiKeySchema = z
  .strictObject({
    name: createApiKeySchema.shape.name.optional(),
    expires_at: createApiKeySchema.shape.expires_at.describe('ISO 8601, in the future; null for never.'),
  })
  .refine((value) => Object.keys(value).length > 0, 'must change something');
export type UpdateApiKey = z.infer<typeof updateApiKeySchema>;

/** Headers of a request that a service signs; see docs/guides/credentials.md. */
export const SIGNATURE_HEADER = 'x-sheen-signature';
export const TIMESTAMP_HEADER = 'x-sheen-timestamp';
export const SIGNED_HEADERS_HEADER = 'x-sheen-signed-headers';
export const USER_HEADER = 'x-user-id';

/** What a service signs. Header names in lower case; values as they are sent. */
export interface SignedParts {
  /** As sent in `x-sheen-timestamp`: seconds since 1970, with or without a fraction. */
  timestamp: string;
  /** Upper case. */
  method: string;
  /** Path and query, as they go on the wire. */
  target: string;
  /** SHA-256 of the body as sent, lower-case hex; of no bytes when there is no body. */
  bodyHash: string;
  /** Those that `x-sheen-signed-headers` names, in its order. */
  headers: readonly (readonly [name: string, value: string])[];
}

/** The text whose HMAC-SHA256 is the signature: timestamp, method, target, body hash, then `name:value` lines. */
export function textToSign({ timestamp, method, target, bodyHash, headers }: SignedParts): string {
  const lines = headers.map(([name, value]) => `${name}:${value}`);
  return [timestamp, method, target, bodyHash, ...lines].join('\n');
}

export const createGuestSessionSchema = z.strictObject({
  project_id: idSchema.describe('A project whose guest_access is on.'),
});
export type CreateGuestSession = z.infer<typeof createGuestSessionSchema>;

export const guestSessionSchema = z
  .object({
    guest_id: idSchema.describe('For X-Session-Id.'),
    secret: z.string().describe('For X-Session-Secret; told once.'),
    expires_at: timestampSchema.describe('Moves with each use, for 30 days at most.'),
  })
  .meta({ id: 'GuestSession' });
export type GuestSession = z.infer<typeof guestSessionSchema>;

/** Who a credential stands for. */
export const principalSchema = z
  .object({
    kind: z.enum(['user', 'api_key', 'fleet_key', 'service', 'guest']),
    tenant_id: idSchema,
    actor: z.string().describe('`user:<id>`, `key:<id>` or `guest:<id>`, as events record it.'),
    user_id: z.string().nullable().describe('The user; of a service, the one it speaks for.'),
    scopes: z.array(scopeSchema),
    expires_at: timestampSchema.nullable().describe('When the credential ends; null for never.'),
  })
  .meta({ id: 'Principal' });
export type WhoAmI = z.infer<typeof principalSchema>;
