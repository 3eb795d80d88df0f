import {
  apiKeySchema,
  loginReplySchema,
  newApiKeySchema,
  type Login,
  type NewApiKey,
} from '@holdfast/protocol';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { listAll, makeProject, makeSession, sessionPath, V1 } from './support/api.ts';
import { dataOf, errorOf, fieldsOf } from './support/expect.ts';
import { get, patch, post, remove } from './support/http.ts';
import { target } from './support/target.ts';

const LOGIN = `${V1}/auth/login`;
const KEYS = `${V1}/api-keys`;
const credentials = { email: target.email ?? '', password: target.password ?? '' };

async function makeKey(
  scopes: string[],
  more: Record<string, unknown> = {},
): Promise<NewApiKey & { secret: string }> {
  const key = dataOf(
    await post(KEYS, { name: 'Made by conformance', scopes, ...more }),
    newApiKeySchema,
    201,
  );
  return { ...key, secret: z.string().parse(key.secret) };
}

const partsOf = (token: string): [string, string, string] => token.split('.') as [string, string, string];
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;

describe.skipIf(target.email === undefined)('login', () => {
  const login = async (): Promise<Login> =>
    dataOf(await post(LOGIN, credentials, { token: null }), loginReplySchema);

  it('B-35 answers with exactly the documented fields, and the token works', async () => {
    const answer = await post(LOGIN, credentials, { token: null });
    const data = dataOf(answer, z.strictObject(loginReplySchema.shape));
    expect(data.user.email).toBe(target.email);
    const session = await makeSession(await makeProject());
    expect((await get(sessionPath(session.id), { token: data.accessToken })).status).toBe(200);
  });

  it('B-36 gives the same 401 for a wrong password and an unknown e-mail', async () => {
    const answers = await Promise.all([
      post(LOGIN, { ...credentials, password: 'not the password' }, { token: null }),
      post(LOGIN, { email: 'nobody@holdfast.local', password: credentials.password }, { token: null }),
    ]);
    const bodies = answers.map((answer) => errorOf(answer, 401, 'UNAUTHORIZED'));
    const [wrong, unknown] = bodies.map(({ timestamp: _, request_id: __, ...rest }) => rest);
    expect(wrong).toEqual(unknown);
  });

  it.each([
    [{ email: 'a@b.example' }, ['password']],
    [{ password: 'x' }, ['email']],
    [{}, ['email', 'password']],
    [{ email: 'not an address', password: 'x' }, ['email']],
    [{ email: ['a@b.example'], password: { $ne: null } }, ['email', 'password']],
  ])('B-36 answers 400 and names the fields: %j', async (body, fields) => {
    expect(fieldsOf(await post(LOGIN, body, { token: null }))).toEqual(fields);
  });

  it('B-37 expiresAt is in the future and equals the exp claim', async () => {
    const { accessToken, expiresAt } = await login();
    const { exp } = decode(partsOf(accessToken)[1]);
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
    expect(Date.parse(expiresAt)).toBe(Number(exp) * 1000);
  });

  it('refuses tokens that were changed or not signed', async () => {
    const { accessToken } = await login();
    const [header, payload, signature] = partsOf(accessToken);
    const claims = decode(payload);
    const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
    const hs384 = encode({ alg: 'HS384', typ: 'JWT' });
    const forged = [
      `${header}.${payload}.${flipped}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`,
      `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`,
      `${hs384}.${payload}.${signature}`,
      `${header}.${encode({ ...claims, exp: 1 })}.${signature}`,
      `${header}.${encode({ ...claims, exp: Number(claims['exp']) + 3600 })}.${signature}`,
      `${header}.${encode({ ...claims, tid: crypto.randomUUID() })}.${signature}`,
    ];
    for (const token of forged) errorOf(await get(`${V1}/projects`, { token }), 401, 'UNAUTHORIZED');
    expect((await get(`${V1}/projects`, { token: accessToken })).status).toBe(200);
  });
});

describe('credentials', () => {
  it.each([
    ['none', {}],
    ['an unknown key', { authorization: `Bearer hf_${'A'.repeat(43)}` }],
    ['a key that is cut short', { authorization: `Bearer ${target.apiKey.slice(0, -1)}` }],
    ['no token', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: `Basic ${btoa(`user:${target.apiKey}`)}` }],
    ['two tokens', { authorization: `Bearer ${target.apiKey} ${target.apiKey}` }],
    ['two different credentials', { authorization: `Bearer ${target.apiKey}`, 'x-api-key': 'hf_other' }],
    ['an empty X-API-Key', { 'x-api-key': '' }],
    ['something long', { authorization: `Bearer ${'x'.repeat(6000)}` }],
    ['text of SQL', { 'x-api-key': "' or 1=1 --" }],
  ])('refuses %s with 401', async (_name, headers) => {
    const answer = await get(`${V1}/projects`, { token: null, headers });
    errorOf(answer, 401, 'UNAUTHORIZED');
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  it('takes a key as X-API-Key or as Bearer', async () => {
    const headers = { 'x-api-key': target.apiKey };
    expect((await get(`${V1}/projects`, { token: null, headers })).status).toBe(200);
    expect((await get(`${V1}/projects`)).status).toBe(200);
  });

  it('checks the credential before it looks for anything', async () => {
    errorOf(await get(sessionPath(crypto.randomUUID()), { token: null }), 401, 'UNAUTHORIZED');
    errorOf(await post(`${V1}/projects`, { nonsense: 1 }, { token: null }), 401, 'UNAUTHORIZED');
  });
});

describe('API keys', () => {
  it('shows the secret once, lists the key by its prefix', async () => {
    const { secret, ...key } = await makeKey(['read']);
    expect(secret.startsWith(key.prefix)).toBe(true);
    expect(secret.length).toBeGreaterThan(key.prefix.length + 30);
    const listed = await get(`${KEYS}?limit=100`);
    expect(listed.text).not.toContain(secret);
    expect(await listAll(KEYS, apiKeySchema, 100)).toContainEqual(key);
    expect((await get(`${V1}/projects`, { token: secret })).status).toBe(200);
  });

  it('allows what its scopes allow', async () => {
    const session = await makeSession(await makeProject());
    const path = sessionPath(session.id);
    const [read, write, hold, admin] = await Promise.all(
      [['read'], ['write'], ['hold'], ['admin']].map((scopes) => makeKey(scopes)),
    );
    const calls = {
      read: (token: string) => get(path, { token }),
      write: (token: string) => patch(path, { title: 'New' }, { token }),
      hold: (token: string) => post(`${path}/lease`, { holder: 'h' }, { token }),
      admin: (token: string) => get(KEYS, { token }),
    };
    const may = async (secret: string): Promise<string[]> => {
      const allowed: string[] = [];
      for (const [scope, call] of Object.entries(calls)) {
        const answer = await call(secret);
        if (answer.status < 300) allowed.push(scope);
        else expect(errorOf(answer, 403, 'FORBIDDEN').details).toEqual({ required_scope: scope });
      }
      return allowed;
    };
    expect(await may(read!.secret)).toEqual(['read']);
    expect(await may(write!.secret)).toEqual(['write']);
    expect(await may(hold!.secret)).toEqual(['hold']);
    expect(await may(admin!.secret)).toEqual(['read', 'write', 'hold', 'admin']);
  });

  it('loses access when it is revoked, and stays listed', async () => {
    const { secret, id } = await makeKey(['admin']);
    const revoked = dataOf(await remove(`${KEYS}/${id}`), apiKeySchema);
    expect(revoked.revoked_at).not.toBeNull();
    errorOf(await get(`${V1}/projects`, { token: secret }), 401, 'UNAUTHORIZED');
    expect(dataOf(await remove(`${KEYS}/${id}`), apiKeySchema)).toEqual(revoked);
    expect(await listAll(KEYS, apiKeySchema, 100)).toContainEqual(revoked);
    errorOf(await remove(`${KEYS}/${crypto.randomUUID()}`), 404, 'NOT_FOUND');
  });

  it('loses access when it expires', async () => {
    const { secret } = await makeKey(['read'], { expires_at: new Date(Date.now() + 1500).toISOString() });
    expect((await get(`${V1}/projects`, { token: secret })).status).toBe(200);
    await vi.waitFor(async () => errorOf(await get(`${V1}/projects`, { token: secret }), 401), {
      timeout: 5000,
      interval: 100,
    });
  });

  it.each([
    [{ name: 'x' }, ['scopes']],
    [{ name: '', scopes: ['read'] }, ['name']],
    [{ name: 'x', scopes: [] }, ['scopes']],
    [{ name: 'x', scopes: ['read', 'read'] }, ['scopes']],
    [{ name: 'x', scopes: ['root'] }, ['scopes.0']],
    [{ name: 'x', scopes: ['read'], expires_at: '2020-01-01T00:00:00Z' }, ['expires_at']],
    [{ name: 'x', scopes: ['read'], expires_at: 'tomorrow' }, ['expires_at']],
    [{ name: 'x', scopes: ['read'], expires_at: '+275760-09-13T00:00:00.001Z' }, ['expires_at']],
  ])('refuses %j', async (body, fields) => {
    expect(fieldsOf(await post(KEYS, body))).toEqual(fields);
  });

  it('never tells the secret twice, also to who repeats the request', async () => {
    const headers = { 'idempotency-key': crypto.randomUUID() };
    const body = { name: 'Twice', scopes: ['read'] };
    const first = dataOf(await post(KEYS, body, { headers }), newApiKeySchema, 201);
    const second = await post(KEYS, body, { headers });
    expect(dataOf(second, newApiKeySchema, 201)).toEqual({ ...first, secret: null });
    expect(second.headers['idempotency-replayed']).toBe('true');
  });
});
