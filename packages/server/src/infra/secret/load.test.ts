import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadKeyRing } from './index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const entry = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;

test('a key is made once, for its owner only, and with an id of its own', async () => {
  const dataDir = join(folder, 'data');
  const ring = loadKeyRing({ dataDir });
  const again = loadKeyRing({ dataDir });
  expect(ring.currentId).toMatch(/^local-[0-9a-f]{8}$/);
  expect(ring.source).toBe(join(dataDir, 'secrets.key'));
  expect(await again.unwrap(await ring.wrap(Buffer.from('x'), 'c'), 'c')).toEqual(Buffer.from('x'));
  expect(statSync(join(dataDir, 'secrets.key')).mode & 0o777).toBe(0o600);
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  expect(readdirSync(dataDir)).toEqual(['secrets.key']);
  expect(loadKeyRing({ dataDir: join(folder, 'other') }).currentId).not.toBe(ring.currentId);
});

test('the environment and a file are taken as they are, and nothing is made', () => {
  const keys = `${entry('new')},${entry('old')}`;
  expect(loadKeyRing({ keys, dataDir: folder })).toMatchObject({
    ids: ['new', 'old'],
    source: 'SECRETS_KEYS',
  });
  const keyFile = join(folder, 'keys');
  writeFileSync(keyFile, `# ours\n${keys.replace(',', '\n')}\n`);
  expect(loadKeyRing({ keyFile, dataDir: folder })).toMatchObject({
    ids: ['new', 'old'],
    source: `SECRETS_KEY_FILE (${keyFile})`,
  });
  expect(readdirSync(folder)).toEqual(['keys']);
});

test('what cannot be used is refused with the name of the variable or file, without a key in the message', () => {
  const zeros = `k:${Buffer.alloc(32).toString('base64')}`;
  const keyFile = join(folder, 'keys');
  writeFileSync(keyFile, zeros);
  expect(() => loadKeyRing({ keys: zeros, dataDir: folder })).toThrow(
    'Holdfast cannot use the keys of SECRETS_KEYS: "k" is weak: one byte repeated.',
  );
  expect(() => loadKeyRing({ keyFile, dataDir: folder })).toThrow(
    `Holdfast cannot use the keys of SECRETS_KEY_FILE (${keyFile}): "k" is weak: one byte repeated.`,
  );
  expect(() => loadKeyRing({ keyFile: join(folder, 'none'), dataDir: folder })).toThrow(
    `Holdfast cannot read the file ${join(folder, 'none')} that SECRETS_KEY_FILE names.`,
  );
});

test('a generated file that was spoilt is not replaced', () => {
  writeFileSync(join(folder, 'secrets.key'), 'spoilt');
  expect(() => loadKeyRing({ dataDir: folder })).toThrow('secrets.key: entry 1 does not begin with an id');
  expect(readFileSync(join(folder, 'secrets.key'), 'utf8')).toBe('spoilt');
});
