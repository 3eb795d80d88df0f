import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadSigningSecret } from './index.ts';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'holdfast-secret-'));
});
afterEach(() => rmSync(parent, { recursive: true }));

it('makes the secret once, for its owner only', () => {
  const folder = join(parent, 'data');
  const secret = loadSigningSecret(folder);
  expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(loadSigningSecret(folder)).toBe(secret);
  expect(loadSigningSecret(join(parent, 'other'))).not.toBe(secret);
  expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(readdirSync(folder)).toEqual(['secret']);
});

it('refuses a stored secret that is too short', () => {
  writeFileSync(join(parent, 'secret'), 'short\n');
  expect(() => loadSigningSecret(parent)).toThrow(/JWT_SECRET/);
});
