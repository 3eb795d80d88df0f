import { createHash, randomBytes } from 'node:crypto';

/** Begins like our keys do, so that log redaction knows it; the rest is 256 random bits. */
const PREFIX = 'hf_invite_';
const TOKEN = /^hf_invite_[A-Za-z0-9_-]{43}$/;

export function makeInvitationToken(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** What is stored of a token; null for what cannot be one. */
export function hashInvitationToken(token: string): string | null {
  return TOKEN.test(token) ? createHash('sha256').update(token).digest('hex') : null;
}
