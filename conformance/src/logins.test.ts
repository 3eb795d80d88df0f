import {
  accessSchema,
  loginReplySchema,
  signingKeySchema,
  userSessionSchema,
  type Login,
} from '@holdfast/protocol';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { listAll, makeProject, makeSession, V1 } from './support/api.ts';
import { dataOf, errorOf, fieldsOf } from './support/expect.ts';
import { followSse, followWs } from './support/follow.ts';
import { get, post, remove } from './support/http.ts';
import { target } from './support/target.ts';

const AUTH = `${V1}/auth`;
const KEYS = `${V1}/admin/signing-keys`;
const none = { token: null };

const decode = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;
const headerOf = (token: string) => decode(token.split('.')[0]);
const claimsOf = (token: string) => decode(token.split('.')[1]);

async function logIn(): Promise<Login> {
  const body = { email: target.email, password: target.password };
  return dataOf(await post(`${AUTH}/login`, body, none), loginReplySchema);
}

const refresh = (refresh_token: string) => post(`${AUTH}/refresh`, { refresh_token }, none);
const works = async (token: string) => (await get(`${V1}/projects?limit=1`, { token })).status === 200;

// Logins are few here: they are limited, and other files log in as the same user.
describe.skipIf(target.email === undefined)('logins', () => {
  let main: Login;
  beforeAll(async () => {
    main = await logIn();
  });

  it('BF-1.2.a a token works until its login is ended; then it is refused, and its refresh token too', async () => {
    const login = await logIn();
    const token = login.accessToken;
    expect(await works(token)).toBe(true);
    const out = await post(`${AUTH}/logout`, undefined, { token });
    expect([out.status, out.text]).toEqual([204, '']);
    errorOf(await get(`${V1}/projects`, { token }), 401, 'UNAUTHORIZED');
    errorOf(await post(`${AUTH}/logout`, undefined, { token }), 401, 'UNAUTHORIZED');
    errorOf(await refresh(login.refreshToken), 401, 'UNAUTHORIZED');
    expect(await works(main.accessToken)).toBe(true);
  });

  it('B-37 a refresh gives tokens of the same kind, the same again to who lost the answer', async () => {
    const next = dataOf(await refresh(main.refreshToken), loginReplySchema);
    expect(next).toMatchObject({ user: main.user, tenantId: main.tenantId, tenantName: main.tenantName });
    expect(next.refreshExpiresAt).toBe(main.refreshExpiresAt);
    expect(Date.parse(next.expiresAt)).toBe(Number(claimsOf(next.accessToken)['exp']) * 1000);
    expect(claimsOf(next.accessToken)['sid']).toBe(claimsOf(main.accessToken)['sid']);
    expect(next.refreshToken).not.toBe(main.refreshToken);
    const again = dataOf(await refresh(main.refreshToken), loginReplySchema);
    expect(again.refreshToken).toBe(next.refreshToken);
    expect(await works(next.accessToken)).toBe(true);
    main = next;
  });

  it.each([
    [{}, ['refresh_token']],
    [{ refresh_token: '' }, ['refresh_token']],
    [{ refresh_token: ['x'] }, ['refresh_token']],
    [{ refresh_token: 'x'.repeat(257) }, ['refresh_token']],
  ])('a refresh of %j is refused and names the field', async (body, fields) => {
    expect(fieldsOf(await post(`${AUTH}/refresh`, body, none))).toEqual(fields);
  });

  it.each(['x', `hfr_${'a'.repeat(43)}`, "' or 1=1"])('a refresh with %s is a 401', async (token) => {
    errorOf(await refresh(token), 401, 'UNAUTHORIZED');
  });

  it('are listed and revoked by their user', async () => {
    const token = main.accessToken;
    const other = await logIn();
    const id = String(claimsOf(other.accessToken)['sid']);
    const listed = await listAll(`${AUTH}/sessions`, userSessionSchema, 100, token);
    const current = listed.filter((session) => session.current);
    expect(current.map((session) => session.id)).toEqual([claimsOf(token)['sid']]);
    expect(listed.find((session) => session.id === id)).toMatchObject({
      current: false,
      ip: expect.any(String),
    });
    expect((await remove(`${AUTH}/sessions/${id}`, { token })).status).toBe(204);
    errorOf(await get(`${V1}/projects`, { token: other.accessToken }), 401, 'UNAUTHORIZED');
    errorOf(await remove(`${AUTH}/sessions/${id}`, { token }), 404, 'NOT_FOUND');
    errorOf(await remove(`${AUTH}/sessions/${crypto.randomUUID()}`, { token }), 404, 'NOT_FOUND');
    errorOf(await remove(`${AUTH}/sessions/x`, { token }), 404, 'NOT_FOUND');
    expect((await listAll(`${AUTH}/sessions`, userSessionSchema, 100, token)).map((s) => s.id)).not.toContain(
      id,
    );
  });

  it('when one ends its streams end within seconds, and others go on', async () => {
    const session = await makeSession(await makeProject('Logins'));
    const { accessToken: token } = await logIn();
    const [sse, ws, other] = await Promise.all([
      followSse(session.id, { token }),
      followWs(session.id, 0, token),
      followSse(session.id),
    ]);
    onTestFinished(() => [sse, ws, other].forEach((follower) => follower.drop()));
    await Promise.all([sse, ws, other].map(({ received }) => received.untilSeq(1)));
    expect((await post(`${AUTH}/logout`, undefined, { token })).status).toBe(204);
    for (const { received } of [sse, ws]) {
      await received.until(() => received.ended, 'the end of the stream', 6000);
      expect(received.control).toMatchObject({ control: 'closed', reason: 'credential_revoked' });
    }
    expect(other.received.ended).toBe(false);
  });

  it("a team that is not the user's looks like none", async () => {
    const token = main.accessToken;
    const body = { tenant_id: crypto.randomUUID() };
    errorOf(await post(`${AUTH}/switch-tenant`, body, { token }), 404, 'NOT_FOUND');
    expect(fieldsOf(await post(`${AUTH}/switch-tenant`, {}, { token }))).toEqual(['tenant_id']);
    const same = await post(`${AUTH}/switch-tenant`, { tenant_id: main.tenantId }, { token });
    const access = dataOf(same, z.strictObject(accessSchema.shape));
    expect(access).toMatchObject({ tenantId: main.tenantId, expiresAt: main.expiresAt });
    expect(await works(access.accessToken)).toBe(true);
  });

  it('are nothing that an API key has', async () => {
    const paths = ['sessions', 'logout', 'switch-tenant', 'sessions/revoke-all'];
    const answers = await Promise.all([
      get(`${AUTH}/${paths[0]}`),
      post(`${AUTH}/${paths[1]}`, undefined),
      post(`${AUTH}/${paths[2]}`, { tenant_id: main.tenantId }),
      post(`${AUTH}/${paths[3]}`, undefined),
    ]);
    for (const answer of answers) errorOf(answer, 401, 'UNAUTHORIZED');
  });
});

describe.skipIf(target.email === undefined)('signing keys', () => {
  it('BF-5.4.c tokens stay valid over a rotation, and new ones have the new key', async () => {
    const login = await logIn();
    const token = login.accessToken;
    const made = dataOf(await post(`${KEYS}/rotate`, {}, { token }), signingKeySchema, 201);
    expect(made).toMatchObject({ status: 'active', retires_at: null });
    expect(headerOf(token)).toMatchObject({ alg: 'HS256', typ: 'JWT', kid: expect.any(String) });
    expect(headerOf(token)['kid']).not.toBe(made.kid);
    expect(await works(token)).toBe(true);
    const next = dataOf(await refresh(login.refreshToken), loginReplySchema);
    expect(headerOf(next.accessToken)['kid']).toBe(made.kid);
    expect(await works(next.accessToken)).toBe(true);
    const keys = dataOf(await get(KEYS, { token }), z.array(signingKeySchema));
    expect(keys.filter(({ status }) => status === 'active').map(({ kid }) => kid)).toEqual([made.kid]);
    expect(keys.find(({ kid }) => kid === headerOf(token)['kid'])?.status).toBe('verify_only');
  });

  it('are not for API keys, not even for those with the scope admin', async () => {
    errorOf(await get(KEYS), 401, 'UNAUTHORIZED');
    errorOf(await post(`${KEYS}/rotate`, {}), 401, 'UNAUTHORIZED');
  });
});
