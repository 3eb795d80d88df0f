import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** The key of one person (or machine) in one tenant's log. Entries carry `id`; whose it is, only the key's row says. */
export interface SubjectKey {
  id: string;
  key: Uint8Array;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A sealed value inside of any text: the id of its key and the bytes. */
export const SEALED = /sealed:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([A-Za-z0-9_-]{38,})/g;

const derive = (key: Uint8Array, use: string, input: string | Uint8Array): Buffer =>
  createHmac('sha256', key).update(use).update(input).digest();

/**
 * AES-256-GCM under a key of the value's own. The nonce is derived from the text, so that one text of one subject
 * always looks the same: that is how addresses are searched for.
 */
export function sealText({ id, key }: SubjectKey, text: string): string {
  const nonce = derive(key, 'nonce', text).subarray(0, NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', derive(key, 'value', nonce), nonce);
  const bytes = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `sealed:${id}:${bytes.toString('base64url')}`;
}

/** The key of a single sealed value: it opens that one and no other. */
export function valueKeyOf({ key }: SubjectKey, bytes: string): Buffer {
  return derive(key, 'value', Buffer.from(bytes, 'base64url').subarray(0, NONCE_BYTES));
}

/** @returns null when key and bytes do not belong together */
export function openBytes(valueKey: Uint8Array, bytes: string): string | null {
  const sealed = Buffer.from(bytes, 'base64url');
  if (valueKey.length !== 32 || sealed.length < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv('aes-256-gcm', valueKey, sealed.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return (
      decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)).toString('utf8') + decipher.final('utf8')
    );
  } catch {
    return null;
  }
}
