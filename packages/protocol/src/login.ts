import { z } from 'zod';
import { idSchema, timestampSchema } from './common.ts';

export const loginSchema = z.strictObject({
  email: z.string().max(254).pipe(z.email()),
  password: z.string().min(1).max(1024),
  tenant_id: idSchema
    .optional()
    .describe('The team to log in to; the one that the user joined first when left out.'),
});
export type LoginInput = z.infer<typeof loginSchema>;

/** Field names are those of the browser contract. */
export const accessSchema = z
  .object({
    accessToken: z.string().describe('A JWT; sent as Authorization: Bearer.'),
    expiresAt: timestampSchema.describe('ISO 8601, UTC; equals the exp claim of the token.'),
    user: z.object({ id: z.string(), email: z.string(), name: z.string() }),
    tenantId: idSchema,
    tenantName: z.string(),
  })
  .meta({ id: 'Access' });
export type Access = z.infer<typeof accessSchema>;

export const loginReplySchema = accessSchema
  .extend({
    refreshToken: z.string().describe('Opaque; of use once, at /auth/refresh.'),
    refreshExpiresAt: timestampSchema.describe(
      'ISO 8601, UTC; the end of the login, which no refresh moves.',
    ),
  })
  .meta({ id: 'Login' });
export type Login = z.infer<typeof loginReplySchema>;

export const refreshLoginSchema = z.strictObject({ refresh_token: z.string().min(1).max(256) });
export type RefreshLogin = z.infer<typeof refreshLoginSchema>;

export const switchTenantSchema = z.strictObject({ tenant_id: idSchema });
export type SwitchTenant = z.infer<typeof switchTenantSchema>;

/** A login of the caller, on whatever device. */
export const userSessionSchema = z
  .object({
    id: idSchema,
    tenant_id: idSchema.describe('The team chosen last.'),
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
    created_at: timestampSchema,
    last_seen_at: timestampSchema.describe('Up to a minute behind.'),
    expires_at: timestampSchema,
    current: z.boolean().describe('Whether this request belongs to it.'),
  })
  .meta({ id: 'UserSession' });
export type UserSession = z.infer<typeof userSessionSchema>;

export const revokedSessionsSchema = z.object({ revoked: z.int().min(0) }).meta({ id: 'RevokedSessions' });
export type RevokedSessions = z.infer<typeof revokedSessionsSchema>;

export const signingKeySchema = z
  .object({
    kid: idSchema.describe('The kid in the header of the tokens it signs.'),
    status: z.enum(['active', 'verify_only', 'retired']),
    created_at: timestampSchema,
    created_by: z.string(),
    retires_at: timestampSchema.nullable().describe('From then on its tokens are refused.'),
  })
  .meta({ id: 'SigningKey' });
export type SigningKey = z.infer<typeof signingKeySchema>;

export const rotateSigningKeySchema = z.strictObject({
  overlap_seconds: z
    .int()
    .min(0)
    .max(31_536_000)
    .optional()
    .describe('How long older keys still verify: the life of a token when left out, 0 after a leak.'),
});
export type RotateSigningKey = z.infer<typeof rotateSigningKeySchema>;
