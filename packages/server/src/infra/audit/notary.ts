import { createHmac, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { Notary, NotaryKey } from '../../core/ports.ts';
import { HeadFile } from './head-file.ts';
import { checkHead, signHead } from './head.ts';
import { keyIdOf } from './signing-key.ts';

export interface NotaryOptions {
  /** Of the installation; the key of the digests is derived from it. */
  secret: string;
  signingKey: KeyObject;
  /** Public keys that signed before `signingKey`. */
  previousKeys?: readonly KeyObject[];
  /** Where the heads are kept. Outside of the database, best on another machine. */
  headsFile: string;
}

const DIGEST_CHARS = 22;

export function createNotary({ secret, signingKey, previousKeys = [], headsFile }: NotaryOptions): Notary {
  const digestKey = Buffer.from(hkdfSync('sha256', secret, '', 'holdfast audit digest', 32));
  const publicKey = createPublicKey(signingKey);
  const known = [publicKey, ...previousKeys];
  const keys = new Map(known.map((key) => [keyIdOf(key), key]));
  const file = new HeadFile(headsFile);
  const key = describe(publicKey);
  return {
    key,
    previous: previousKeys.map(describe),
    digest(tenantId, text) {
      const digest = createHmac('sha256', digestKey).update(`${tenantId}\n${text}`).digest('base64url');
      return `hmac-sha256:${digest.slice(0, DIGEST_CHARS)}`;
    },
    sign: (statement, now) =>
      signHead({ ...statement, time: new Date(now).toISOString(), key_id: key.key_id }, signingKey),
    check: (head) => checkHead(head, keys),
    append: (heads) => file.append(heads),
    read: () => file.read(),
  };
}

function describe(key: KeyObject): NotaryKey {
  return { key_id: keyIdOf(key), public_key: key.export({ type: 'spki', format: 'pem' }) as string };
}
