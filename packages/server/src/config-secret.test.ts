import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig({ JWT_SECRET: 's'.repeat(31) + 'x', ...env }, null);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems
      .filter(({ variable }) => variable.startsWith('SECRETS_'))
      .map(({ variable, rule }) => `${variable} ${rule}`);
  }
}

describe('BF-5.4.b the keys of tenant secrets', () => {
  it('are needed in production only, from the environment or a file', () => {
    expect(problemsOf({})).toEqual([]);
    expect(problemsOf({ NODE_ENV: 'test' })).toEqual([]);
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
      'SECRETS_KEYS or SECRETS_KEY_FILE is required when NODE_ENV is production.',
    ]);
    expect(problemsOf({ NODE_ENV: 'production', SECRETS_KEYS: key('a') })).toEqual([]);
    expect(problemsOf({ NODE_ENV: 'production', SECRETS_KEY_FILE: '/run/secrets/keys' })).toEqual([]);
  });

  it.each(['development', 'test', 'production'])('must not be weak in %s', (NODE_ENV) => {
    const zeros = Buffer.alloc(32).toString('base64');
    expect(problemsOf({ NODE_ENV, SECRETS_KEYS: `${key('good')},bad:${zeros}` })).toEqual([
      'SECRETS_KEYS cannot be used: "bad" is weak: one byte repeated.',
    ]);
    expect(problemsOf({ NODE_ENV, SECRETS_KEYS: 'bad:c2hvcnQ=' })).toEqual([
      'SECRETS_KEYS cannot be used: "bad" is not the base64 of 32 bytes.',
    ]);
  });

  it('come from one place', () => {
    expect(problemsOf({ SECRETS_KEYS: key('a'), SECRETS_KEY_FILE: '/keys' })).toEqual([
      'SECRETS_KEY_FILE and SECRETS_KEYS are both set: set one of them.',
    ]);
  });

  it('reach whoever loads them', () => {
    const keys = `${key('new')},${key('old')}`;
    expect(loadConfig({ SECRETS_KEYS: keys }, null).secret).toEqual({ keys, keyFile: undefined });
    expect(loadConfig({ SECRETS_KEY_FILE: '/keys' }, null).secret).toMatchObject({ keyFile: '/keys' });
  });
});
