import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';

const problemsOf = (env: Record<string, string>): string[] => {
  try {
    loadConfig(env, null);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ variable }) => variable);
    throw error;
  }
};
const rawKey = (part: 'x' | 'd') =>
  Buffer.from(
    generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })[part]!,
    'base64url',
  ).toString('base64');

it('keeps the audit log for a year, and its heads beside the data', () => {
  const { audit, dataDir } = loadConfig({}, null);
  expect(audit).toEqual({
    retentionDays: 365,
    headsEntries: 1000,
    headsFile: `${dataDir}/audit-heads.jsonl`,
    signingKey: undefined,
    previousKeys: [],
  });
});

it('reads the keys of the audit log', () => {
  const { audit } = loadConfig(
    { AUDIT_SIGNING_KEY: rawKey('d'), AUDIT_PREVIOUS_KEYS: `${rawKey('x')},${rawKey('x')}` },
    null,
  );
  expect([audit.signingKey?.type, ...audit.previousKeys.map(({ type }) => type)]).toEqual([
    'private',
    'public',
    'public',
  ]);
});

it.each([
  ['AUDIT_SIGNING_KEY', 'short'],
  ['AUDIT_SIGNING_KEY', '-----BEGIN PRIVATE KEY-----'],
  ['AUDIT_PREVIOUS_KEYS', 'short'],
  ['AUDIT_PREVIOUS_KEYS', `${rawKey('x')},`],
  ['AUDIT_RETENTION_DAYS', '0'],
  ['AUDIT_HEADS_ENTRIES', '0'],
])('refuses %s=%s', (variable, value) => {
  expect(problemsOf({ [variable]: value })).toEqual([variable]);
});
