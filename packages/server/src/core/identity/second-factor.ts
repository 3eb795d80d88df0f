import type { TwoFactorChallenge } from '@holdfast/protocol';
import { createHash, randomBytes } from 'node:crypto';
import { hasSecondFactor, insertChallenge } from './second-factor-queries.ts';
import type { IdentityServices } from './types.ts';

const CHALLENGE_TTL_MS = 5 * 60_000;
/** Not that of an API key, and no JWT: a challenge never passes for a credential. */
const PREFIX = 'tfc_';

/** SHA-256, hex: the token has 256 random bits. */
export function hashChallenge(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/**
 * What a login has to answer instead of a token, once the password was right: details of 401 TWO_FACTOR_REQUIRED.
 * @param tenantId the team that the login named
 * @returns null when the user has no second factor
 */
export async function challengeFor(
  { db, clock }: Pick<IdentityServices, 'db' | 'clock'>,
  userId: string,
  tenantId?: string,
): Promise<TwoFactorChallenge | null> {
  if (!(await hasSecondFactor(db, userId))) return null;
  const token = PREFIX + randomBytes(32).toString('base64url');
  const expiresAt = new Date(clock.now() + CHALLENGE_TTL_MS);
  await insertChallenge(db, { tokenHash: hashChallenge(token), userId, tenantId, expiresAt });
  return {
    challenge_token: token,
    expires_at: expiresAt.toISOString(),
    methods: ['totp', 'backup_code'],
  };
}
