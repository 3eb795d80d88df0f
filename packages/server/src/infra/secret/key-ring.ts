import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import type { KeyRing } from '../../core/ports.ts';
import type { NamedKey } from './parse-keys.ts';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A ring of AES-256 keys in this process; the first is the current one. @param source for messages */
export function createKeyRing(keys: readonly NamedKey[], source: string): KeyRing {
  // Key objects show nothing of themselves when they are printed or serialised.
  const byId = new Map<string, KeyObject>(keys.map(({ id, bytes }) => [id, createSecretKey(bytes)]));
  const keyOf = (id: string): KeyObject => {
    const key = byId.get(id);
    if (key === undefined) throw new Error(`There is no key "${id}" in ${source}.`);
    return key;
  };
  const [current] = keys;
  if (current === undefined) throw new Error('A key ring needs a key.');
  return {
    currentId: current.id,
    ids: [...byId.keys()],
    source,
    async wrap(bytes, context, keyId = current.id) {
      return { keyId, sealed: seal(keyOf(keyId), bytes, context) };
    },
    async unwrap({ keyId, sealed }, context) {
      const key = keyOf(keyId);
      try {
        return open(key, sealed, context);
      } catch (cause) {
        throw new Error(`Nothing could be unwrapped with the key "${keyId}" of ${source}.`, { cause });
      }
    },
  };
}

/** nonce | cipher text | tag */
function seal(key: KeyObject, bytes: Uint8Array, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

function open(key: KeyObject, sealed: Buffer, context: string): Buffer {
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}
