import { createHash, createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'hfr_';
const SHAPE = /^hfr_[A-Za-z0-9_-]{43}$/;

export function isRefreshToken(value: string): boolean {
  return SHAPE.test(value);
}

/** The first token of a login. */
export function makeRefreshToken(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/**
 * The token after this one. It takes both halves: the client has the token, the database the salt.
 * The same halves give the same successor, so a client that lost the answer can ask once more.
 */
export function successorOf(token: string, salt: string): string {
  return PREFIX + createHmac('sha256', Buffer.from(salt, 'base64url')).update(token).digest('base64url');
}

export function makeSalt(): string {
  return randomBytes(32).toString('base64url');
}

/** SHA-256, hex: a token has 256 random bits, so a slow hash would add nothing. */
export function hashRefreshToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
