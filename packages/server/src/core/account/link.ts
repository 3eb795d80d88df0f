import { createHash, randomBytes } from 'node:crypto';

const HOUR_MS = 3_600_000;

export type LinkPurpose = 'verify_email' | 'password_reset';

const KINDS: Readonly<Record<LinkPurpose, { page: string; ttlMs: number }>> = {
  verify_email: { page: 'verify-email', ttlMs: 24 * HOUR_MS },
  password_reset: { page: 'reset-password', ttlMs: HOUR_MS },
};

export interface Link {
  url: string;
  /** 43 characters of base64url, 256 random bits. */
  token: string;
  /** All that is stored of it. */
  hash: string;
  expiresAt: Date;
}

/** SHA-256, hex. A slow hash would add nothing: the token is random. */
export function hashLinkToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/**
 * A link for a mail. Its base is configured, never what a request says of its host; the token is in the fragment,
 * which browsers send to no server and name in no Referer.
 */
export function makeLink(purpose: LinkPurpose, publicUrl: string, now: number): Link {
  const { page, ttlMs } = KINDS[purpose];
  const token = randomBytes(32).toString('base64url');
  return {
    url: `${publicUrl}/${page}#token=${token}`,
    token,
    hash: hashLinkToken(token),
    expiresAt: new Date(now + ttlMs),
  };
}
