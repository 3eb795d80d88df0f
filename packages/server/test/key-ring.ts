import { createHash } from 'node:crypto';
import type { KeyRing } from '../src/core/ports.ts';
import { createKeyRing } from '../src/infra/secret/index.ts';

/** A ring of keys that are the same in every test, the first being the current one. */
export function testKeyRing(...ids: string[]): KeyRing {
  const names = ids.length === 0 ? ['test'] : ids;
  return createKeyRing(
    names.map((id) => ({ id, bytes: createHash('sha256').update(`key ${id}`).digest() })),
    'the test',
  );
}

/** The same keys as SECRETS_KEYS has them. */
export function testKeys(...ids: string[]): string {
  return ids.map((id) => `${id}:${createHash('sha256').update(`key ${id}`).digest('base64')}`).join(',');
}
