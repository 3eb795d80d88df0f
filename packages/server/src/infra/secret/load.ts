import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyRing } from '../../core/ports.ts';
import { createKeyRing } from './key-ring.ts';
import { KeyError, parseKeys } from './parse-keys.ts';

export interface KeySource {
  /** The value of SECRETS_KEYS. */
  keys?: string;
  /** The path in SECRETS_KEY_FILE. */
  keyFile?: string;
  /** Where a key is made and kept when there is neither. */
  dataDir: string;
}

/**
 * The key-encryption keys of this installation: of the environment, of a file, or generated.
 * @throws Error naming the variable or file whose keys are missing, weak or malformed
 */
export function loadKeyRing({ keys, keyFile, dataDir }: KeySource): KeyRing {
  if (keys !== undefined) return ringOf(keys, 'SECRETS_KEYS');
  if (keyFile !== undefined) return ringOf(readKeys(keyFile), `SECRETS_KEY_FILE (${keyFile})`);
  const path = join(dataDir, 'secrets.key');
  return ringOf(readOrMake(path), path);
}

function ringOf(text: string, source: string): KeyRing {
  try {
    return createKeyRing(parseKeys(text), source);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw new Error(`Holdfast cannot use the keys of ${source}: ${error.message}.`, { cause: error });
  }
}

function readKeys(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`Holdfast cannot read the file ${path} that SECRETS_KEY_FILE names.`, { cause });
  }
}

function readOrMake(path: string): string {
  const stored = readIfThere(path);
  if (stored !== null) return stored;
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  // An id of its own: two installations that meet in one database then do not pass for each other.
  const id = `local-${randomBytes(4).toString('hex')}`;
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, `${id}:${makeKey()}\n`, { mode: 0o600, flag: 'wx' });
  try {
    // A link appears whole or not at all, and only one of several starting servers can make it.
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  return readFileSync(path, 'utf8');
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** 32 random bytes as base64. */
function makeKey(): string {
  return randomBytes(32).toString('base64');
}
