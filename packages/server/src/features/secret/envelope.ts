import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { KeyRing } from '../../core/ports.ts';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DEK_BYTES = 32;

/** The row a value belongs to: its cipher text opens nowhere else. */
export interface SecretPlace {
  tenantId: string;
  secretId: string;
  version: number;
}

/** A value as it is stored: under a key of its own, which is itself under one of the key ring. */
export interface Envelope {
  key_id: string;
  wrapped_dek: Buffer;
  ciphertext: Buffer;
}

function contextOf(what: 'secret' | 'dek', { tenantId, secretId, version }: SecretPlace): string {
  return `${what}|${tenantId}|${secretId}|${version}`;
}

export async function sealValue(keyRing: KeyRing, place: SecretPlace, value: string): Promise<Envelope> {
  const dek = randomBytes(DEK_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, dek, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(contextOf('secret', place)));
  const ciphertext = Buffer.concat([
    nonce,
    cipher.update(value, 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  const { keyId, sealed } = await keyRing.wrap(dek, contextOf('dek', place));
  dek.fill(0);
  return { key_id: keyId, wrapped_dek: sealed, ciphertext };
}

/** @throws when the key is missing, or the row was changed or moved */
export async function openValue(keyRing: KeyRing, place: SecretPlace, envelope: Envelope): Promise<string> {
  const { key_id: keyId, wrapped_dek: sealed, ciphertext } = envelope;
  const dek = await keyRing.unwrap({ keyId, sealed }, contextOf('dek', place));
  try {
    const nonce = ciphertext.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, dek, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(contextOf('secret', place)));
    decipher.setAuthTag(ciphertext.subarray(-TAG_BYTES));
    const text = ciphertext.subarray(NONCE_BYTES, -TAG_BYTES);
    return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
  } finally {
    dek.fill(0);
  }
}

/** Puts the value's own key under the ring's current key; the value itself is not touched, nor read. */
export async function rewrapEnvelope(
  keyRing: KeyRing,
  place: SecretPlace,
  { key_id: keyId, wrapped_dek }: Pick<Envelope, 'key_id' | 'wrapped_dek'>,
): Promise<Pick<Envelope, 'key_id' | 'wrapped_dek'>> {
  const context = contextOf('dek', place);
  const dek = await keyRing.unwrap({ keyId, sealed: wrapped_dek }, context);
  const { keyId: key_id, sealed } = await keyRing.wrap(dek, context);
  dek.fill(0);
  return { key_id, wrapped_dek: sealed };
}
