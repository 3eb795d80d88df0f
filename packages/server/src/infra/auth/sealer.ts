import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_LENGTH = 8;

/**
 * AES-256-GCM under a key derived from the installation's secret. The owner's id is authenticated with it:
 * a text copied into another user's row does not open.
 */
export class Sealer {
  readonly #key: Buffer;
  /** `v1.<key id>.`: what it sealed begins like that. */
  readonly prefix: string;

  constructor(installationSecret: string, purpose: string) {
    this.#key = Buffer.from(hkdfSync('sha256', installationSecret, '', purpose, 32));
    const id = createHash('sha256').update(this.#key).digest('hex').slice(0, KEY_ID_LENGTH);
    this.prefix = `v1.${id}.`;
  }

  seal(owner: string, plain: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(owner));
    const text = [cipher.update(plain, 'utf8'), cipher.final()];
    return this.prefix + Buffer.concat([nonce, ...text, cipher.getAuthTag()]).toString('base64url');
  }

  /** @returns null for another key's; @throws Error when the text was changed or is another owner's */
  open(owner: string, sealed: string): string | null {
    if (!sealed.startsWith(this.prefix)) return null;
    const bytes = Buffer.from(sealed.slice(this.prefix.length), 'base64url');
    const options = { authTagLength: TAG_BYTES };
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES), options)
      .setAAD(Buffer.from(owner))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
    return decipher.update(text, undefined, 'utf8') + decipher.final('utf8');
  }
}
