import { z } from 'zod';

export const MIN_PASSWORD_LENGTH = 8;
export const MAX_PASSWORD_LENGTH = 1024;

const emailSchema = z.string().max(254).pipe(z.email());

/** Of no rule but its length; the commonest ones and the address itself are refused later. */
export const newPasswordSchema = z.string().min(MIN_PASSWORD_LENGTH).max(MAX_PASSWORD_LENGTH);

/** A password that is compared, not chosen. */
const presentPasswordSchema = z.string().min(1).max(MAX_PASSWORD_LENGTH);

/** The token of a mailed link: 256 random bits. */
export const linkTokenSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be the token of a mailed link');

/** Who may make an account on this server: anybody, whoever was invited to a team, or nobody. */
export const registrationSchema = z
  .object({ registration: z.enum(['open', 'invite', 'closed']) })
  .meta({ id: 'Registration' });
export type Registration = z.infer<typeof registrationSchema>;

export const registerSchema = z.strictObject({
  name: z.string().trim().min(1).max(200),
  email: emailSchema,
  password: newPasswordSchema,
  team_name: z.string().trim().min(1).max(200).optional().describe("Default: the user's name."),
});
export type Register = z.infer<typeof registerSchema>;

/** Only an address: what is mailed to it, and whether anything is, the answer does not tell. */
export const addressSchema = z.strictObject({ email: emailSchema });
export type Address = z.infer<typeof addressSchema>;

/** Of 202: the same whether or not the address has an account. */
export const acceptedSchema = z.object({ message: z.string() }).meta({ id: 'Accepted' });
export type Accepted = z.infer<typeof acceptedSchema>;

export const verifyEmailSchema = z.strictObject({ token: linkTokenSchema });
export type VerifyEmail = z.infer<typeof verifyEmailSchema>;

export const verifiedEmailSchema = z
  .object({ email: z.string(), email_verified: z.boolean() })
  .meta({ id: 'VerifiedEmail' });
export type VerifiedEmail = z.infer<typeof verifiedEmailSchema>;

export const confirmPasswordResetSchema = z.strictObject({
  token: linkTokenSchema,
  password: newPasswordSchema,
});
export type ConfirmPasswordReset = z.infer<typeof confirmPasswordResetSchema>;

export const changePasswordSchema = z.strictObject({
  current_password: presentPasswordSchema,
  new_password: newPasswordSchema,
});
export type ChangePassword = z.infer<typeof changePasswordSchema>;

export const passwordChangedSchema = z
  .object({ revoked_logins: z.int().min(0).describe('Logins that ended with the old password.') })
  .meta({ id: 'PasswordChanged' });
export type PasswordChanged = z.infer<typeof passwordChangedSchema>;
