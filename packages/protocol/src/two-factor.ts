import { z } from 'zod';
import { timestampSchema } from './common.ts';

/**
 * `details` of the 401 TWO_FACTOR_REQUIRED that a login answers with when the password was right and the user
 * has a second factor: send the token with a code to `POST /auth/2fa/verify`.
 */
export const twoFactorChallengeSchema = z
  .object({
    challenge_token: z.string().describe('For one login of one user; no access token.'),
    expires_at: timestampSchema.describe('ISO 8601, UTC; five minutes after the password was checked.'),
    methods: z.array(z.enum(['totp', 'backup_code'])).describe('What /auth/2fa/verify takes.'),
  })
  .meta({ id: 'TwoFactorChallenge' });
export type TwoFactorChallenge = z.infer<typeof twoFactorChallengeSchema>;

/** Six digits of an authenticator app. */
export const totpCodeSchema = z.string().regex(/^\d{6}$/, 'must be six digits');

/** Hyphens, spaces and upper case are all the same to it. */
export const backupCodeSchema = z
  .string()
  .max(40)
  .regex(/^[ -]*(?:[0-9A-Za-z][ -]*){16}$/, 'must be a backup code');

const oneCode = { code: totpCodeSchema.optional(), backup_code: backupCodeSchema.optional() };
const hasOneCode = ({ code, backup_code }: { code?: string; backup_code?: string }): boolean =>
  (code === undefined) !== (backup_code === undefined);
const ONE_CODE = { message: 'either code or backup_code is needed', path: ['code'] };

export const twoFactorStatusSchema = z
  .object({
    enabled: z.boolean(),
    enabled_at: timestampSchema.nullable(),
    backup_codes_left: z.int().min(0),
  })
  .meta({ id: 'TwoFactorStatus' });
export type TwoFactorStatus = z.infer<typeof twoFactorStatusSchema>;

export const twoFactorSetupSchema = z
  .object({
    secret: z.string().describe('Base32, for typing it into the app.'),
    otpauth_uri: z.string(),
    qr_svg: z.string().describe('The URI as a QR code: an SVG document without a background.'),
  })
  .meta({ id: 'TwoFactorSetup' });
export type TwoFactorSetup = z.infer<typeof twoFactorSetupSchema>;

export const twoFactorCodeSchema = z.strictObject({ code: totpCodeSchema });
export type TwoFactorCode = z.infer<typeof twoFactorCodeSchema>;

export const backupCodesSchema = z
  .object({
    backup_codes: z.array(z.string()).describe('Shown once; each works once. Older ones are worth nothing.'),
  })
  .meta({ id: 'BackupCodes' });
export type BackupCodes = z.infer<typeof backupCodesSchema>;

export const verifyTwoFactorSchema = z
  .strictObject({
    challenge_token: z.string().regex(/^tfc_[A-Za-z0-9_-]{43}$/, 'must be the challenge token of a login'),
    ...oneCode,
  })
  .refine(hasOneCode, ONE_CODE)
  .meta({
    examples: [{ challenge_token: 'tfc_6y3Q0a1mB8c9Zt2LrXkV5nWfHdJsUoEiPgTqKvMxRzA', code: '492039' }],
  });
export type VerifyTwoFactor = z.infer<typeof verifyTwoFactorSchema>;

export const disableTwoFactorSchema = z
  .strictObject({ password: z.string().min(1).max(1024), ...oneCode })
  .refine(hasOneCode, ONE_CODE)
  .meta({ examples: [{ password: 'correct horse battery', code: '492039' }] });
export type DisableTwoFactor = z.infer<typeof disableTwoFactorSchema>;
