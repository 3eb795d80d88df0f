import { createHmac, generateKeyPairSync, hkdfSync, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose/jwt/sign';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import {
  createMember,
  ctxOfToken,
  HOUR,
  identityFor,
  logIn,
  SECRET,
} from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { authenticate, logout } from './index.ts';

type Fields = Record<string, unknown>;
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string): Fields => JSON.parse(Buffer.from(part, 'base64url').toString()) as Fields;

describe.each(ENGINES)('forged and stolen tokens on %s', (engine) => {
  let h: Harness;
  let services: ReturnType<typeof identityFor>;
  let token: string;
  let header: Fields;
  let payload: Fields;
  let signature: string;
  let key: Buffer;
  const clock = new ManualClock();
  beforeAll(async () => {
    h = await openHarness({ engine });
    services = identityFor(h.db, clock);
    const { tenantId } = await h.createTenant();
    token = (await logIn(services, await createMember(services, tenantId))).accessToken;
    const parts = token.split('.');
    header = decode(parts[0]!);
    payload = decode(parts[1]!);
    signature = parts[2]!;
    key = Buffer.from(hkdfSync('sha256', SECRET, '', `holdfast login token ${String(header['kid'])}`, 32));
  }, 30_000);
  afterAll(() => h.close());

  const show = (value: string) => authenticate(services, { kind: 'bearer', value });
  const refuse = (value: string) =>
    expect(show(value), value).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: 'The credential is not valid.',
    });
  const sign = (head: unknown, body: unknown, secret: Buffer | string = key, hash = 'sha256'): string => {
    const signed = `${encode(head)}.${encode(body)}`;
    return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
  };

  it('starts from a hand-made token that is taken', async () => {
    await expect(show(sign(header, payload))).resolves.toMatchObject({ userId: payload['sub'] });
  });

  it('alg none', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, undefined]) {
      await refuse(`${encode({ ...header, alg })}.${encode(payload)}.`);
      await refuse(`${encode({ ...header, alg })}.${encode(payload)}.${signature}`);
      await refuse(sign({ ...header, alg }, payload));
    }
  });

  it('key confusion: a public key as HMAC secret, other algorithms with the right key', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    const rsa = (alg: string) => new SignJWT(payload).setProtectedHeader({ ...header, alg }).sign(privateKey);
    await refuse(await rsa('RS256'));
    await refuse(await rsa('PS256'));
    for (const alg of ['HS256', 'RS256']) {
      await refuse(sign({ ...header, alg }, payload, pem));
      await refuse(sign({ ...header, alg, jwk: publicKey.export({ format: 'jwk' }) }, payload, pem));
    }
    await refuse(sign({ ...header, alg: 'HS512' }, payload, key, 'sha512'));
    await refuse(sign({ ...header, alg: 'HS384' }, payload, key, 'sha384'));
    await refuse(sign({ ...header, alg: 'RS256' }, payload));
  });

  it('keys that an attacker could come by: the secret itself, the kid, nothing, of another kid', async () => {
    const other = Buffer.from(hkdfSync('sha256', SECRET, '', `holdfast login token ${randomUUID()}`, 32));
    for (const guess of [SECRET, String(header['kid']), '', other])
      await refuse(sign(header, payload, guess));
  });

  it('kid tricks', async () => {
    const { kid, ...without } = header;
    const tricks = [
      '../../../../dev/null',
      '/proc/sys/kernel/randomize_va_space',
      "' or 1=1 --",
      `${String(kid)}' union select 'x`,
      `${String(kid)}\0`,
      ` ${String(kid)}`,
      String(kid).toUpperCase().replace('0', 'O'),
      '',
      'null',
      [kid],
      [],
      { kid },
      null,
      0,
      true,
      'x'.repeat(2000),
    ];
    await refuse(sign(without, payload));
    for (const trick of tricks) {
      await refuse(sign({ ...header, kid: trick }, payload));
      await refuse(sign({ ...header, kid: trick }, payload, ''));
    }
    await refuse(sign({ ...header, jku: 'https://attacker.example/keys', x5u: 'x' }, payload, 'x'));
    await refuse(sign({ ...header, crit: ['exp'] }, payload));
  });

  it('a tampered payload or signature', async () => {
    const [head, body] = token.split('.');
    const change = (fields: Fields) => `${head}.${encode({ ...payload, ...fields })}.${signature}`;
    const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
    await refuse(change({ sub: randomUUID() }));
    await refuse(change({ tid: randomUUID() }));
    await refuse(change({ sid: randomUUID() }));
    await refuse(change({ exp: Number(payload['exp']) + 3600 }));
    await refuse(`${head}.${body}.${flipped}`);
    await refuse(`${head}.${body}.`);
    await refuse(`${head}.${body}`);
    await refuse(`${head}.${body}.${signature}.${signature}`);
    await refuse(`${head}.${body}.${signature.slice(0, -2)}`);
  });

  it.each([
    { exp: undefined },
    { exp: 'tomorrow' },
    { exp: 0 },
    { nbf: 4_102_444_800 },
    { iss: 'other' },
    { iss: undefined },
    { aud: 'other' },
    { aud: undefined },
    { sub: undefined },
    { sub: 7 },
    { sub: 'a\0b' },
    { tid: undefined },
    { tid: 'not-a-uuid' },
    { tid: ["' or 1=1"] },
    { sid: undefined },
    { sid: "' or 1=1" },
    { sid: '0198c0de-0000-7000-8000-00000000dead' },
  ])('well-signed claims with %o', (change) => refuse(sign(header, { ...payload, ...change })));

  it('a token of another user with the id of a login', async () => {
    const { tenantId } = await h.createTenant();
    const other = await createMember(services, tenantId);
    await refuse(sign(header, { ...payload, sub: other.userId, tid: tenantId }));
  });

  it('an expired token', async () => {
    const time = new ManualClock();
    const aging = identityFor(h.db, time);
    const member = await createMember(aging, (await h.createTenant()).tenantId);
    const { accessToken } = await logIn(aging, member);
    time.advance(HOUR);
    await expect(authenticate(aging, { kind: 'bearer', value: accessToken })).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
  });

  it('a token of a removed member, of a user that is gone, and of an ended login', async () => {
    const { tenantId } = await h.createTenant();
    const members = await Promise.all([0, 1, 2].map(() => createMember(services, tenantId)));
    const [removed, gone, ended] = await Promise.all(
      members.map(async (member) => (await logIn(services, member)).accessToken),
    );
    await h.db.kysely.deleteFrom('memberships').where('user_id', '=', members[0]!.userId).execute();
    await h.db.kysely.deleteFrom('users').where('id', '=', members[1]!.userId).execute();
    await logout(await ctxOfToken(h, services, ended!));
    for (const stolen of [removed, gone, ended]) await refuse(stolen!);
  });

  it('a dump of the database signs nothing', async () => {
    const dump = JSON.stringify([
      await h.db.kysely.selectFrom('signing_keys').selectAll().execute(),
      await h.db.kysely.selectFrom('user_sessions').selectAll().execute(),
      await h.db.kysely.selectFrom('refresh_tokens').selectAll().execute(),
    ]);
    for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const) {
      expect(dump).not.toContain(key.toString(form));
    }
    expect(dump).not.toContain(SECRET);
    expect(dump).not.toContain(token.split('.')[2]);
  });
});
