import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHarness, type Harness } from '../../../test/harness.ts';
import { createMember, ctxOf, HOUR, identityFor, logIn } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Scope } from '../context.ts';
import { authenticate, createApiKey, login, revokeApiKey, type MemberRole } from './index.ts';

let h: Harness;
let tenantId: string;
const clock = new ManualClock();
let services: ReturnType<typeof identityFor>;
beforeAll(async () => {
  h = await openHarness();
  services = identityFor(h.db, clock);
  ({ tenantId } = await h.createTenant());
}, 30_000);
afterAll(() => h.close());

const show = (value: string, kind: 'bearer' | 'api_key' = 'bearer') =>
  authenticate(services, { kind, value });
const refused = { code: 'UNAUTHORIZED', message: 'The credential is not valid.' };
async function makeKey(scopes: Scope[], expires_at?: string): Promise<{ id: string; secret: string }> {
  const key = await createApiKey(ctxOf(h, services, { tenantId }), { name: 'Key', scopes, expires_at });
  return { id: key.id, secret: key.secret! };
}

describe('an API key', () => {
  it('is its own principal, as key or as bearer', async () => {
    const key = await makeKey(['read', 'hold']);
    const principal = {
      kind: 'api_key',
      tenantId,
      actor: `key:${key.id}`,
      userId: null,
      tier: 'free',
      rotation: 0,
      scopes: new Set(['read', 'hold']),
      expiresAt: null,
    };
    expect(await show(key.secret, 'api_key')).toEqual(principal);
    expect(await show(key.secret, 'bearer')).toEqual(principal);
  });

  it('is refused once revoked', async () => {
    const key = await makeKey(['read']);
    await show(key.secret);
    await revokeApiKey(ctxOf(h, services, { tenantId }), key.id);
    await expect(show(key.secret)).rejects.toMatchObject(refused);
  });

  it('is refused once expired', async () => {
    const end = clock.now() + HOUR;
    const key = await makeKey(['read'], new Date(end).toISOString());
    expect((await show(key.secret)).expiresAt).toBe(end);
    clock.advance(HOUR - 1);
    await show(key.secret);
    clock.advance(1);
    await expect(show(key.secret)).rejects.toMatchObject(refused);
  });

  it('is refused when a character is wrong or missing', async () => {
    const { secret } = await makeKey(['read']);
    const other = secret.endsWith('A') ? 'B' : 'A';
    const wrong = [
      secret.slice(0, -1) + other,
      secret.slice(0, -1),
      `${secret}A`,
      ` ${secret}`,
      secret.toUpperCase(),
    ];
    for (const value of wrong) await expect(show(value, 'api_key')).rejects.toMatchObject(refused);
  });
});

describe('a login token', () => {
  const tokenOf = async (role: MemberRole) => {
    const member = await createMember(services, tenantId, role);
    const { accessToken } = await login(services, { email: member.email, password: member.password });
    return { ...member, accessToken };
  };

  it.each([
    ['owner', ['read', 'write', 'hold', 'admin']],
    ['admin', ['read', 'write', 'hold', 'admin']],
    ['member', ['read', 'write', 'hold']],
    ['read_only', ['read']],
  ] as const)('gives an %s the scopes of the role', async (role, scopes) => {
    const { userId, accessToken } = await tokenOf(role);
    expect(await show(accessToken)).toEqual({
      kind: 'user',
      tenantId,
      actor: `user:${userId}`,
      userId,
      tier: 'free',
      loginId: expect.any(String),
      scopes: new Set(scopes),
      expiresAt: Math.floor(clock.now() / 1000) * 1000 + HOUR,
    });
  });

  it('is refused once the member is removed', async () => {
    const { userId, accessToken } = await tokenOf('member');
    await show(accessToken);
    await h.db.kysely.deleteFrom('memberships').where('user_id', '=', userId).execute();
    await expect(show(accessToken)).rejects.toMatchObject(refused);
  });

  it('is refused for a tenant the user is not in', async () => {
    const { userId, accessToken } = await tokenOf('member');
    const { loginId } = await show(accessToken);
    const foreign = await h.createTenant();
    const claims = { userId, tenantId: foreign.tenantId, loginId: loginId!, notAfter: clock.now() + HOUR };
    const { token } = await services.tokens.issue(claims);
    await expect(show(token)).rejects.toMatchObject(refused);
  });

  it('is refused once expired, and as an API key', async () => {
    const { accessToken } = await tokenOf('owner');
    await expect(show(accessToken, 'api_key')).rejects.toMatchObject(refused);
    clock.advance(HOUR);
    await expect(show(accessToken)).rejects.toMatchObject(refused);
  });
});

it('costs one query, for a token as for a key', async () => {
  const member = await createMember(services, tenantId);
  const { accessToken } = await logIn(services, member);
  const { secret } = await makeKey(['read']);
  const counted: string[] = [];
  const db = new Proxy(h.db, {
    get(target, name) {
      if (name === 'query' || name === 'kysely' || name === 'transaction') counted.push(name);
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  await show(accessToken);
  for (const value of [accessToken, secret]) {
    counted.length = 0;
    await authenticate({ ...services, db }, { kind: 'bearer', value });
    expect(counted).toEqual(['query']);
  }
});

it.each([
  '',
  'hf_',
  `hf_${'a'.repeat(43)}`,
  'hf_\0',
  '\0',
  '\ud800',
  'null',
  'a.b.c',
  'x'.repeat(1_000_000),
  "' or '1'='1",
])('refuses garbage %#', async (value) => {
  await expect(show(value, 'bearer')).rejects.toMatchObject(refused);
  await expect(show(value, 'api_key')).rejects.toMatchObject(refused);
});
