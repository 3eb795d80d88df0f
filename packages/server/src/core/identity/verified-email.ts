import { DomainError } from '../errors.ts';
import { isEmailVerified } from './second-factor-queries.ts';
import type { IdentityServices } from './types.ts';

/**
 * Where the server is set to ask for it, a login needs a proven address. Called once the password was right,
 * so it tells nothing to strangers.
 * @throws DomainError EMAIL_NOT_VERIFIED
 */
export async function refuseUnverified(
  { db, requireVerifiedEmail = false }: Pick<IdentityServices, 'db' | 'requireVerifiedEmail'>,
  userId: string,
): Promise<void> {
  if (requireVerifiedEmail) await requireVerified(db, userId);
}

/** @throws DomainError EMAIL_NOT_VERIFIED */
export async function requireVerified(db: IdentityServices['db'], userId: string): Promise<void> {
  if (await isEmailVerified(db, userId)) return;
  throw new DomainError('EMAIL_NOT_VERIFIED', undefined, {
    suggestion: 'Follow the link in the mail, or ask for another one at /api/v1/auth/verify-email/resend.',
  });
}
