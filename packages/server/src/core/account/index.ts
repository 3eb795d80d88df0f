export { changePassword } from './change-password.ts';
export { confirmPasswordReset } from './confirm-password-reset.ts';
export { registerUser } from './register.ts';
export { requestPasswordReset } from './request-password-reset.ts';
export { resendVerification } from './resend-verification.ts';
export { purgeLinks } from './purge.ts';
export { verifyEmail } from './verify-email.ts';
export type { AccountCtx, AccountParts, AccountSettings, OpenCtx } from './types.ts';
