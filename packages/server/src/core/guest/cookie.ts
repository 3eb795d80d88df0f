import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { isId } from '../wire.ts';
import { isGuestSecret } from './secret.ts';

/** What a guest shows, by header or cookie. */
export interface GuestCredential {
  id: string;
  secret: string;
}

const PURPOSE = 'holdfast guest cookie v1';
const VALUE = /^([0-9a-f-]{36})\.([\w-]{52})\.([\w-]{43})$/;

/** Values of the guest cookie: id and secret, signed, so that what was not made here never reaches the database. */
export class GuestCookies {
  readonly #keys: readonly Buffer[];

  /** @param secrets of the installation; the first signs, the others are still taken */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, 32)));
  }

  seal({ id, secret }: GuestCredential): string {
    const value = `${id}.${secret}`;
    return `${value}.${sign(this.#keys[0]!, value)}`;
  }

  /** Null for a value that was not sealed by one of the keys. */
  open(value: string): GuestCredential | null {
    const [, id, secret, seal] = VALUE.exec(value) ?? [];
    if (id === undefined || secret === undefined || seal === undefined) return null;
    if (!isId(id) || !isGuestSecret(secret)) return null;
    const shown = Buffer.from(seal);
    let sealed = false;
    for (const key of this.#keys) {
      // As text: several texts decode to the same bytes.
      const expected = Buffer.from(sign(key, `${id}.${secret}`));
      if (shown.length === expected.length && timingSafeEqual(shown, expected)) sealed = true;
    }
    return sealed ? { id, secret } : null;
  }
}

function sign(key: Buffer, value: string): string {
  return createHmac('sha256', key).update(value).digest('base64url');
}
