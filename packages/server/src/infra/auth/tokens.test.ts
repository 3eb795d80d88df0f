import { createHmac, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose/jwt/sign';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/manual-clock.ts';
import { createTokens } from './index.ts';

const secret = 'a-secret-of-at-least-thirty-two-characters';
const clock = new ManualClock();
const tokens = createTokens({ secret, ttlMs: 60_000, clock });
const userId = 'user-1';
const tenantId = '0198c0de-0000-7000-8000-000000000001';
const now = () => Math.floor(clock.now() / 1000);
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = (change: object = {}) => ({
  iss: 'holdfast',
  aud: 'holdfast-api',
  sub: userId,
  tid: tenantId,
  iat: now(),
  exp: now() + 60,
  ...change,
});

function sign(header: object, payload: object, key: string | Buffer = secret): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}
const HS256 = { alg: 'HS256', typ: 'JWT' };

describe('tokens', () => {
  it('issues what it accepts: HS256, with exp equal to expiresAt', async () => {
    const { token, expiresAt } = await tokens.issue({ userId, tenantId });
    const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(header!)).toEqual(HS256);
    expect(JSON.parse(payload!)).toEqual(claims());
    expect(expiresAt).toBe((now() + 60) * 1000);
    expect(await tokens.verify(token)).toEqual({ userId, tenantId, expiresAt });
  });

  it('ends at its expiry', async () => {
    const time = new ManualClock();
    const aging = createTokens({ secret, ttlMs: 60_000, clock: time });
    const { token } = await aging.issue({ userId, tenantId });
    time.advance(59_000);
    expect(await aging.verify(token)).not.toBeNull();
    time.advance(1000);
    expect(await aging.verify(token)).toBeNull();
  });

  it('accepts the hand-made token that the forgeries below start from', async () => {
    expect(await tokens.verify(sign(HS256, claims()))).toMatchObject({ userId, tenantId });
  });

  it('refuses a forged signature', async () => {
    const [header, , signature] = sign(HS256, claims()).split('.');
    const tampered = [
      sign(HS256, claims(), 'another-secret-of-thirty-two-characters'),
      `${header}.${encode(claims({ sub: 'user-2' }))}.${signature}`,
      `${header}.${encode(claims())}.`,
      `${encode({ alg: 'none' })}.${encode(claims())}.`,
      sign({ alg: 'none' }, claims()),
      sign({ alg: 'HS512' }, claims()),
      sign({ ...HS256, crit: ['exp'] }, claims()),
    ];
    for (const token of tampered) expect(await tokens.verify(token)).toBeNull();
  });

  it('refuses another algorithm, also when the key is confused', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    const rsa = await new SignJWT(claims()).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
    expect(await tokens.verify(rsa)).toBeNull();
    expect(await tokens.verify(sign(HS256, claims(), pem))).toBeNull();
    expect(await tokens.verify(sign({ alg: 'RS256' }, claims()))).toBeNull();
  });

  it.each([
    { exp: undefined },
    { exp: 'tomorrow' },
    { exp: 0 },
    { nbf: 2e9 + 5e8 },
    { iss: 'other' },
    { aud: 'other' },
    { aud: undefined },
    { sub: undefined },
    { sub: 7 },
    { sub: 'a\0b' },
    { tid: undefined },
    { tid: 'not-a-uuid' },
    { tid: ["' or 1=1"] },
  ])('refuses well-signed claims with %o', async (change) => {
    expect(await tokens.verify(sign(HS256, claims(change)))).toBeNull();
  });

  it.each([
    '',
    '.',
    '..',
    '...',
    'a.b.c',
    'e30.e30.e30',
    '\0',
    '\ud800',
    'é.é.é',
    '['.repeat(4000),
    ' '.repeat(4000),
  ])('refuses garbage %#', async (garbage) => {
    expect(await tokens.verify(garbage)).toBeNull();
  });
});
