import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const PREFIX = 'hf_guest_';
const SECRET = /^hf_guest_[A-Za-z0-9_-]{43}$/;

export function makeGuestSecret(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

export function isGuestSecret(value: string): boolean {
  return SECRET.test(value);
}

/** SHA-256, hex: the secret has 256 random bits. */
export function hashGuestSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** In constant time. */
export function matchesHash(secret: string, hash: string): boolean {
  const [shown, stored] = [Buffer.from(hashGuestSecret(secret)), Buffer.from(hash)];
  return shown.length === stored.length && timingSafeEqual(shown, stored);
}
