import { createHash, randomBytes } from 'node:crypto';

const PREFIX = 'hf_';
const SHOWN = 11;
const SECRET = /^hf_[A-Za-z0-9_-]{43}$/;

/** What is stored of an API key: never the secret itself. */
export interface StoredSecret {
  prefix: string;
  /** SHA-256, hex. A slow hash would add nothing: the secret has 256 random bits. */
  hash: string;
}

/** A new API key secret and what to store of it. */
export function makeSecret(): StoredSecret & { secret: string } {
  const secret = PREFIX + randomBytes(32).toString('base64url');
  return { secret, prefix: secret.slice(0, SHOWN), hash: hashSecret(secret) };
}

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export function startsLikeSecret(value: string): boolean {
  return value.startsWith(PREFIX);
}

export function isSecret(value: string): boolean {
  return SECRET.test(value);
}
