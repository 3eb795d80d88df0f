import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { SigningKeys } from '../../core/ports.ts';
import { createTokens } from './index.ts';

const SECRET = 'a-secret-of-at-least-thirty-two-characters';
const OTHER = 'another-secret-of-thirty-two-characters-or-so';
const KID = '0198c0de-0000-7000-8000-00000000000a';
const claims = {
  userId: 'user-1',
  tenantId: '0198c0de-0000-7000-8000-000000000001',
  loginId: '0198c0de-0000-7000-8000-000000000002',
};

/** Keys that the test rotates by hand. */
class Keys implements SigningKeys {
  kid = KID;
  readonly taken = new Set([KID]);
  readonly asked: string[] = [];
  active(): Promise<string> {
    return Promise.resolve(this.kid);
  }
  verifies(kid: string): Promise<boolean> {
    this.asked.push(kid);
    return Promise.resolve(this.taken.has(kid));
  }
}

function setUp({ secret = SECRET, previousSecret, keys = new Keys() }: Partial<Options> = {}) {
  const clock = new ManualClock();
  return { clock, keys, tokens: createTokens({ secret, previousSecret, keys, ttlMs: 60_000, clock }) };
}
interface Options {
  secret: string;
  previousSecret: string | undefined;
  keys: Keys;
}
const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());

describe('tokens', () => {
  it('issues what it accepts: HS256 with the kid, exp equal to expiresAt', async () => {
    const { tokens, clock } = setUp();
    const { token, expiresAt } = await tokens.issue({ ...claims, notAfter: clock.now() + 1e9 });
    const [header, payload] = token.split('.').slice(0, 2).map(decode);
    expect(header).toEqual({ alg: 'HS256', typ: 'JWT', kid: KID });
    const now = clock.now() / 1000;
    expect(payload).toEqual({
      iss: 'holdfast',
      aud: 'holdfast-api',
      sub: claims.userId,
      tid: claims.tenantId,
      sid: claims.loginId,
      iat: now,
      exp: now + 60,
    });
    expect(expiresAt).toBe((now + 60) * 1000);
    expect(await tokens.verify(token)).toEqual({ ...claims, expiresAt });
  });

  it('ends at its expiry, and never after its login', async () => {
    const { tokens, clock } = setUp();
    const usual = await tokens.issue({ ...claims, notAfter: clock.now() + 1e9 });
    const short = await tokens.issue({ ...claims, notAfter: clock.now() + 30_500 });
    expect(short.expiresAt).toBe(clock.now() + 30_000);
    clock.advance(29_000);
    expect(await tokens.verify(short.token)).not.toBeNull();
    clock.advance(1000);
    expect(await tokens.verify(short.token)).toBeNull();
    clock.advance(29_000);
    expect(await tokens.verify(usual.token)).not.toBeNull();
    clock.advance(1000);
    expect(await tokens.verify(usual.token)).toBeNull();
  });

  it('takes the tokens of older keys until they retire', async () => {
    const { tokens, keys, clock } = setUp();
    const old = await tokens.issue({ ...claims, notAfter: clock.now() + 1e9 });
    keys.kid = randomUUID();
    keys.taken.add(keys.kid);
    const young = await tokens.issue({ ...claims, notAfter: clock.now() + 1e9 });
    for (const { token } of [old, young]) expect(await tokens.verify(token)).toMatchObject(claims);
    keys.taken.delete(KID);
    expect(await tokens.verify(old.token)).toBeNull();
    expect(await tokens.verify(young.token)).toMatchObject(claims);
  });

  it('takes tokens of the previous secret, and signs with the current one', async () => {
    const before = setUp({ secret: OTHER });
    const { token } = await before.tokens.issue({ ...claims, notAfter: before.clock.now() + 1e9 });
    const replaced = setUp({ secret: SECRET, previousSecret: OTHER });
    expect(await replaced.tokens.verify(token)).toMatchObject(claims);
    expect(await setUp({ secret: SECRET }).tokens.verify(token)).toBeNull();
    const next = await replaced.tokens.issue({ ...claims, notAfter: replaced.clock.now() + 1e9 });
    expect(await setUp({ secret: SECRET }).tokens.verify(next.token)).toMatchObject(claims);
    expect(await before.tokens.verify(next.token)).toBeNull();
  });

  it('forgets no rule for a token it has seen before', async () => {
    const { tokens, keys, clock } = setUp();
    const { token } = await tokens.issue({ ...claims, notAfter: clock.now() + 1e9 });
    for (let n = 0; n < 3; n += 1) expect(await tokens.verify(token)).toMatchObject(claims);
    expect(await tokens.verify(`${token}A`)).toBeNull();
    expect(await tokens.verify(token.slice(0, -1))).toBeNull();
    keys.taken.delete(KID);
    expect(await tokens.verify(token)).toBeNull();
    keys.taken.add(KID);
    expect(await tokens.verify(token)).toMatchObject(claims);
    clock.advance(60_000);
    expect(await tokens.verify(token)).toBeNull();
  });

  it('passes on that the keys cannot be read', async () => {
    const keys = new Keys();
    const { tokens, clock } = setUp({ keys });
    const { token } = await tokens.issue({ ...claims, notAfter: clock.now() + 1e9 });
    keys.verifies = () => Promise.reject(new Error('no database'));
    await expect(tokens.verify(token)).rejects.toThrow('no database');
  });

  it.each([
    '',
    '.',
    '..',
    '...',
    'a.b.c',
    'e30.e30.e30',
    'bnVsbA.e30.e30',
    '\0',
    '\ud800',
    'é.é.é',
    '['.repeat(4000),
    ' '.repeat(4000),
  ])('refuses garbage %# without asking for a key', async (garbage) => {
    const { tokens, keys } = setUp();
    expect(await tokens.verify(garbage)).toBeNull();
    expect(keys.asked).toEqual([]);
  });
});
