import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';

const [ONE, TWO, ADMIN] = [randomUUID(), randomUUID(), randomUUID()];
const NOW = 'Zk3v9QwX7tLr2BnY5sHd8FjM1cGp4Ua6';
const BEFORE = 'p4Ua6Zk3v9QwX7tLr2BnY5sHd8FjM1cG';

const load = (env: Record<string, string>) => loadConfig(env, null).credential;

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env, null);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { NODE_ENV: _, ...given } = env;
    for (const value of Object.values(given))
      if (value.length > 3) expect(error.message).not.toContain(value);
    return error.problems.map(({ variable }) => variable);
  }
  return [];
}

describe('fleet keys', () => {
  it('are none unless set', () => {
    expect(load({}).fleet).toEqual({ keys: [], adminKeys: [] });
  });
  it('d.18 are a comma-separated list of UUIDs of version 4', () => {
    expect(load({ API_KEYS: ` ${ONE} ,${TWO}`, ADMIN_API_KEYS: ADMIN }).fleet).toEqual({
      keys: [ONE, TWO],
      adminKeys: [ADMIN],
    });
  });
  it.each(['dev-key', `${ONE},`, `${ONE},${ONE}x`, '00000000-0000-1000-8000-000000000000', ' ', ','])(
    'd.18 refuses %j and does not repeat it',
    (value) => {
      expect(problemsOf({ API_KEYS: value })).toEqual(['API_KEYS']);
      expect(problemsOf({ ADMIN_API_KEYS: value })).toEqual(['ADMIN_API_KEYS']);
    },
  );
  it('AC-1.3.f refuses an empty list', () => expect(problemsOf({ API_KEYS: '' })).toEqual(['API_KEYS']));
});

describe('the chat service', () => {
  it('is none unless it has a secret', () => {
    expect(load({}).chat).toBeNull();
    expect(load({ CHAT_HMAC_SECRET: NOW }).chat).toEqual({
      secrets: [NOW],
      tenantId: null,
      skewMs: 300_000,
      requiresSignedUser: false,
    });
  });
  it('has two secrets during a rotation', () => {
    const env = {
      CHAT_HMAC_SECRET: NOW,
      CHAT_HMAC_SECRET_PREVIOUS: BEFORE,
      CHAT_TENANT_ID: ONE,
      HMAC_SKEW_SECONDS: '60',
      HMAC_REQUIRE_SIGNED_USER: 'true',
    };
    expect(load(env).chat).toEqual({
      secrets: [NOW, BEFORE],
      tenantId: ONE,
      skewMs: 60_000,
      requiresSignedUser: true,
    });
  });
  it.each<[string[], Record<string, string>]>([
    [['CHAT_HMAC_SECRET'], { CHAT_HMAC_SECRET: 'short' }],
    [['CHAT_HMAC_SECRET_PREVIOUS'], { CHAT_HMAC_SECRET_PREVIOUS: NOW }],
    [['CHAT_HMAC_SECRET_PREVIOUS'], { CHAT_HMAC_SECRET: NOW, CHAT_HMAC_SECRET_PREVIOUS: NOW }],
    [['CHAT_TENANT_ID'], { CHAT_TENANT_ID: 'first' }],
    [['HMAC_SKEW_SECONDS'], { HMAC_SKEW_SECONDS: '0' }],
  ])('refuses %j', (variables, env) => expect(problemsOf(env)).toEqual(variables));
  it('refuses a secret that can be guessed, in production', () => {
    const weak = { CHAT_HMAC_SECRET: 'a'.repeat(40) };
    expect(problemsOf(weak)).toEqual([]);
    expect(problemsOf({ ...weak, NODE_ENV: 'production' })).toContain('CHAT_HMAC_SECRET');
    expect(problemsOf({ CHAT_HMAC_SECRET: NOW, NODE_ENV: 'production' })).not.toContain('CHAT_HMAC_SECRET');
  });
});
