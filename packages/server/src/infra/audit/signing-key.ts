import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Before the seed (private) and the point (public) of an Ed25519 key in DER (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const RAW_BYTES = 32;

/** @param text PEM, or the 32 bytes of the seed as base64 or base64url. @throws when it is no Ed25519 key */
export function readPrivateKey(text: string): KeyObject {
  return ed25519(text.includes('-----') ? createPrivateKey(withLines(text)) : fromRaw(text, 'private'));
}

/** @param text PEM, or the 32 bytes of the key as base64 or base64url. @throws when it is no Ed25519 key */
export function readPublicKey(text: string): KeyObject {
  return ed25519(text.includes('-----') ? createPublicKey(withLines(text)) : fromRaw(text, 'public'));
}

/** First 16 hex digits of the SHA-256 of the public key. */
export function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

/**
 * The key kept in `dataDir`, made at the first call; the file is readable by its owner only.
 * @throws when the folder cannot be written or the file holds no Ed25519 key
 */
export function loadSigningKey(dataDir: string): KeyObject {
  const path = join(dataDir, 'audit-signing-key.pem');
  const stored = readIfThere(path);
  if (stored !== null) return readPrivateKey(stored);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  try {
    // A link appears whole or not at all, and only one of several starting servers can make it.
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  return readPrivateKey(readFileSync(path, 'utf8'));
}

/** Environment files write the line ends of a PEM as `\n`. */
function withLines(pem: string): string {
  return pem.replaceAll('\\n', '\n');
}

function fromRaw(text: string, kind: 'private' | 'public'): KeyObject {
  const raw = Buffer.from(text.trim(), 'base64');
  if (raw.length !== RAW_BYTES) throw new Error('An Ed25519 key has 32 bytes.');
  return kind === 'private'
    ? createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, raw]), format: 'der', type: 'pkcs8' })
    : createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
}

function ed25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new Error('The key is no Ed25519 key.');
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
