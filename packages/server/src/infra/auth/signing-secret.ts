import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MIN_LENGTH = 32;

/**
 * The secret kept in `dataDir`, made at the first call; the file is readable by its owner only.
 * For development: in production the secret comes from the configuration.
 * @throws when the folder cannot be written or the stored secret is too short.
 */
export function loadSigningSecret(dataDir: string): string {
  const path = join(dataDir, 'secret');
  const stored = readSecret(path);
  if (stored !== null) return stored;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    // A link appears whole or not at all, and only one of several starting servers can make it.
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  return readSecret(path)!;
}

function readSecret(path: string): string | null {
  let secret: string;
  try {
    secret = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  if (secret.length < MIN_LENGTH)
    throw new Error(`${path} holds no usable secret: delete it or set JWT_SECRET.`);
  return secret;
}
