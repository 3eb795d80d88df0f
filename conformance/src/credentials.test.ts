import { createHash, createHmac, randomUUID } from 'node:crypto';
import {
  apiKeySchema,
  guestSessionSchema,
  newApiKeySchema,
  principalSchema,
  projectSchema,
  type Project,
  type WhoAmI,
} from '@holdfast/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeProject, V1 } from './support/api.ts';
import { dataOf, errorOf, fieldsOf } from './support/expect.ts';
import { get, patch, post, remove, send, type Answer, type Call } from './support/http.ts';
import { target } from './support/target.ts';

const KEYS = `${V1}/api-keys`;
const GUESTS = `${V1}/guest-sessions`;
const ME = `${V1}/me`;

const me = (headers: Record<string, string>, more: Partial<Call> = {}): Promise<Answer> =>
  get(ME, { token: null, headers, ...more });
const whoIs = async (headers: Record<string, string>): Promise<WhoAmI> =>
  dataOf(await me(headers), principalSchema);

describe('API keys', () => {
  const make = async (scopes = ['read']) => {
    const key = dataOf(await post(KEYS, { name: 'Rotated', scopes }), newApiKeySchema, 201);
    return { id: key.id, secret: z.string().parse(key.secret) };
  };
  const rotate = async (id: string, body: object = {}) =>
    dataOf(await post(`${KEYS}/${id}/rotate`, body), newApiKeySchema);
  const statusOf = async (secret: string) => (await me({ 'x-api-key': secret })).status;

  it('BF-1.2.b are rotated: the old secret ends at once, or after its grace', async () => {
    const { id, secret } = await make();
    const second = await rotate(id, { grace_seconds: 3600 });
    expect(second.id).toBe(id);
    expect([await statusOf(secret), await statusOf(second.secret!)]).toEqual([200, 200]);
    expect(Date.parse(second.previous_expires_at!)).toBeGreaterThan(Date.now() + 3_500_000);
    const third = await rotate(id);
    expect(third.previous_expires_at).toBeNull();
    expect(await Promise.all([secret, second.secret!, third.secret!].map(statusOf))).toEqual([401, 401, 200]);
  });

  it('are renamed, and never get other scopes', async () => {
    const { id } = await make();
    expect(dataOf(await patch(`${KEYS}/${id}`, { name: 'New' }), apiKeySchema).name).toBe('New');
    expect(fieldsOf(await patch(`${KEYS}/${id}`, { scopes: ['admin'] }))).toContain('scopes');
    expect(fieldsOf(await patch(`${KEYS}/${id}`, {}))).toEqual(['body']);
    expect(fieldsOf(await post(`${KEYS}/${id}/rotate`, { grace_seconds: 604_801 }))).toEqual([
      'grace_seconds',
    ]);
  });

  it('stay ended once revoked', async () => {
    const { id } = await make();
    await remove(`${KEYS}/${id}`);
    errorOf(await post(`${KEYS}/${id}/rotate`, {}), 409, 'RESOURCE_CONFLICT');
    errorOf(await patch(`${KEYS}/${id}`, { expires_at: null }), 409, 'RESOURCE_CONFLICT');
  });

  it('BF-1.2.c are rotated and changed with the scope admin only, in their own tenant', async () => {
    const { id, secret } = await make(['read', 'write', 'hold']);
    const rotatePath = `${KEYS}/${id}/rotate`;
    errorOf(await post(rotatePath, {}, { token: secret }), 403, 'FORBIDDEN');
    errorOf(await patch(`${KEYS}/${id}`, { name: 'x' }, { token: secret }), 403, 'FORBIDDEN');
    errorOf(await post(`${KEYS}/${randomUUID()}/rotate`, {}), 404, 'NOT_FOUND');
    if (target.otherApiKey === undefined) return;
    const token = target.otherApiKey;
    errorOf(await post(rotatePath, {}, { token }), 404, 'NOT_FOUND');
    errorOf(await patch(`${KEYS}/${id}`, { name: 'x' }, { token }), 404, 'NOT_FOUND');
    expect(await statusOf(secret)).toBe(200);
  });

  it('BF-1.2.d make what belongs to their tenant, and say who they are', async () => {
    const { id, secret } = await make(['read', 'write']);
    const who = await whoIs({ 'x-api-key': secret });
    expect(who).toMatchObject({
      kind: 'api_key',
      actor: `key:${id}`,
      user_id: null,
      scopes: ['read', 'write'],
    });
    const made = await post(`${V1}/projects`, { name: 'Mine' }, { token: secret });
    const project = dataOf(made, projectSchema, 201);
    expect((await get(`${V1}/projects/${project.id}`)).status).toBe(200);
    if (target.otherApiKey !== undefined)
      errorOf(await get(`${V1}/projects/${project.id}`, { token: target.otherApiKey }), 404, 'NOT_FOUND');
  });
});

describe('guest sessions', () => {
  let project: Project;
  beforeAll(async () => {
    project = await makeProject('Open to guests');
    await patch(`${V1}/projects/${project.id}`, { guest_access: true });
  });

  const begin = (body: unknown, headers: Record<string, string> = {}) =>
    post(GUESTS, body, { token: null, headers });
  async function start(headers: Record<string, string> = {}) {
    const answer = await begin({ project_id: project.id }, headers);
    const guest = dataOf(answer, guestSessionSchema, 201);
    const [setCookie = ''] = answer.headers['set-cookie'] ?? [];
    return { ...guest, setCookie, cookie: setCookie.split(';')[0]! };
  }

  it('TASK-005.a-e are shown by cookie or headers, until they end', async () => {
    const { guest_id, secret, cookie, setCookie, expires_at } = await start();
    expect(setCookie).toMatch(
      /^(__Host-)?sid=[^;]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax(; Secure)?$/,
    );
    expect(Math.abs(Date.parse(expires_at) - Date.now() - 86_400_000)).toBeLessThan(60_000);
    const headers = { 'x-session-id': guest_id, 'x-session-secret': secret };
    for (const shown of [{ cookie }, headers] as Record<string, string>[]) {
      expect(await whoIs(shown)).toMatchObject({ kind: 'guest', actor: `guest:${guest_id}`, scopes: [] });
    }
    const ended = await remove(GUESTS, { token: null, headers });
    expect([ended.status, ended.text]).toEqual([204, '']);
    errorOf(await me(headers), 401, 'UNAUTHORIZED');
    errorOf(await me({ cookie }), 401, 'UNAUTHORIZED');
  });

  it('are not had in a project that takes none, unknown or another tenant’s', async () => {
    const closed = await makeProject('Closed');
    const answers = await Promise.all([closed.id, randomUUID()].map((project_id) => begin({ project_id })));
    const [one, other] = answers
      .map((answer) => errorOf(answer, 404, 'NOT_FOUND'))
      .map(({ timestamp: _, request_id: __, ...rest }) => rest);
    expect(one).toEqual(other);
    expect(fieldsOf(await begin({}))).toEqual(['project_id']);
    expect(fieldsOf(await begin({ project_id: project.id, secret: 'mine' }))).toEqual(['secret']);
  });

  it('read nothing of the tenant', async () => {
    const { guest_id, secret, cookie } = await start();
    const headers = { 'x-session-id': guest_id, 'x-session-secret': secret };
    for (const path of ['/projects', `/projects/${project.id}`, '/sessions', '/api-keys']) {
      errorOf(await get(V1 + path, { token: null, headers }), 401, 'UNAUTHORIZED');
      errorOf(await get(V1 + path, { token: null, headers: { cookie } }), 401, 'UNAUTHORIZED');
    }
  });

  it('TASK-005.e are not had by altering or guessing', async () => {
    const [one, two] = [await start(), await start()];
    const flipped = one.cookie.endsWith('A') ? 'B' : 'A';
    const shown: Record<string, string>[] = [
      { cookie: one.cookie.slice(0, -1) + flipped },
      { cookie: one.cookie.replace(one.guest_id, two.guest_id) },
      { 'x-session-id': one.guest_id, 'x-session-secret': two.secret },
      { 'x-session-id': one.guest_id, 'x-session-secret': '' },
      { cookie: `${one.cookie}; ${two.cookie}` },
    ];
    for (const headers of shown) errorOf(await me(headers), 401, 'UNAUTHORIZED');
  });

  it('session fixation: never take an id from the client', async () => {
    const victim = await start();
    expect((await start({ cookie: victim.cookie })).guest_id).not.toBe(victim.guest_id);
  });

  it('CSRF: are not ended by another site, whose pages send the cookie too', async () => {
    const { cookie } = await start();
    const origins = ['https://evil.example', 'null', `${target.url}.evil.example`, undefined];
    for (const origin of origins) {
      const headers = { cookie, ...(origin === undefined ? {} : { origin }) };
      errorOf(await remove(GUESTS, { token: null, headers }), 403, 'FORBIDDEN');
    }
    expect((await me({ cookie })).status).toBe(200);
    const own = await remove(GUESTS, { token: null, headers: { cookie, origin: target.url } });
    expect(own.status).toBe(204);
  });
});

describe.skipIf(target.fleetKey === undefined)('fleet keys', () => {
  const metrics = (headers: Record<string, string>) => get('/metrics', { token: null, headers });
  it('AC-1.3 open the metrics, with the three texts for all others', async () => {
    expect((await metrics({ 'x-api-key': target.fleetKey! })).status).toBe(200);
    const messageOf = async (headers: Record<string, string>) =>
      errorOf(await metrics(headers), 401, 'UNAUTHORIZED').message;
    expect(await messageOf({})).toBe('API key required');
    expect(await messageOf({ 'x-api-key': 'invalid-key-123' })).toBe('Invalid API key');
    expect(await messageOf({ 'x-api-key': 'two words' })).toBe('Malformed API key');
  });
  it('are not taken by the platform', async () => {
    errorOf(await get(`${V1}/projects`, { token: null, headers: { 'x-api-key': target.fleetKey! } }), 401);
    expect(await whoIs({ 'x-api-key': target.fleetKey! })).toMatchObject({
      kind: 'fleet_key',
      scopes: ['read', 'write', 'hold'],
    });
  });
});

describe.skipIf(target.hmacSecret === undefined)('signed requests', () => {
  interface Signed {
    path?: string;
    method?: string;
    body?: string;
    userId?: string;
    secret?: string;
    secondsAgo?: number;
  }
  /** As the chat contract has it, without anything of ours. */
  function sign({ path = ME, method = 'GET', body = '', userId = 'ann', ...more }: Signed = {}) {
    const timestamp = String(Math.floor(Date.now() / 1000) - (more.secondsAgo ?? 0));
    const hash = createHash('sha256').update(body).digest('hex');
    const text = [timestamp, method, path, hash].join('\n');
    const signature = createHmac('sha256', more.secret ?? target.hmacSecret!)
      .update(text)
      .digest('hex');
    return { 'x-sheen-signature': signature, 'x-sheen-timestamp': timestamp, 'x-user-id': userId };
  }

  it('C-10 stand for one user of the service, the same at each call', async () => {
    const [ann, again, bob] = [
      await whoIs(sign()),
      await whoIs(sign()),
      await whoIs(sign({ userId: 'bob' })),
    ];
    expect(ann).toMatchObject({ kind: 'service', scopes: ['read', 'write'] });
    expect(again).toEqual(ann);
    expect([bob.tenant_id, bob.user_id === ann.user_id]).toEqual([ann.tenant_id, false]);
  });

  it('C-10 are refused when anything of them was changed', async () => {
    const refused = async (headers: Record<string, string>, path = ME, method = 'GET') =>
      errorOf(await send({ path, method, token: null, headers }), 401, 'UNAUTHORIZED');
    await refused(sign({ secret: 'x'.repeat(40) }));
    await refused(sign({ secondsAgo: 400 }));
    await refused(sign({ secondsAgo: -400 }));
    await refused(sign({ method: 'POST' }));
    await refused(sign({ body: 'x' }));
    await refused(sign({ path: `${ME}?x=1` }));
    await refused({ ...sign(), 'x-user-id': '' });
    await refused({ ...sign(), 'x-sheen-signature': 'f'.repeat(10) });
    await refused({ ...sign(), 'x-sheen-signed-headers': 'x-user-id' });
    const { 'x-user-id': _, ...nobody } = sign();
    await refused(nobody);
  });

  it('are not taken by the platform, nor beside another credential', async () => {
    const path = `${V1}/projects`;
    errorOf(await get(path, { token: null, headers: sign({ path }) }), 401, 'UNAUTHORIZED');
    errorOf(await get(ME, { headers: sign() }), 401, 'UNAUTHORIZED');
  });
});

it('GET /me says that it takes every kind, and refuses none at all', async () => {
  const { message } = errorOf(await me({}), 401, 'UNAUTHORIZED');
  expect(message).toMatch(/login token.*API key.*fleet key.*signed request.*guest session/);
});
