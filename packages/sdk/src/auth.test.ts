import { randomBytes } from 'node:crypto';
import { startServer, type LocalServer } from '@holdfast/local-server';
import type { Login } from '@holdfast/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient, type Client } from './index.ts';

const credentials = { email: 'owner@holdfast.local', password: randomBytes(12).toString('base64url') };
const unauthorized = { name: 'HoldfastError', code: 'UNAUTHORIZED', status: 401 };

let server: LocalServer;
let anyone: Client;

beforeAll(async () => {
  server = await startServer({
    env: { ADMIN_EMAIL: credentials.email, ADMIN_PASSWORD: credentials.password },
  });
  anyone = createClient({ baseUrl: server.url });
}, 60_000);
afterAll(() => server.stop());

const clientOf = ({ accessToken }: Pick<Login, 'accessToken'>): Client =>
  createClient({ baseUrl: server.url, token: accessToken });

/** A client whose first answers are lost on the way. */
function losing(count: number, token?: string): Client {
  let left = count;
  const lossy: typeof fetch = async (...call) => {
    const response = await fetch(...call);
    if (left === 0) return response;
    left -= 1;
    throw new TypeError('the connection broke');
  };
  return createClient({ baseUrl: server.url, token, fetch: lossy, retry: { baseMs: 1 } });
}

test('anybody is told who may make an account', async () => {
  expect(await anyone.account.registration()).toEqual({ registration: 'invite' });
});

describe('logins', () => {
  test('are refreshed, also when the answer is lost', async () => {
    const first = await anyone.auth.login(credentials);
    const second = await losing(1).auth.refresh(first.refreshToken);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    const third = await anyone.auth.refresh(second.refreshToken);
    await clientOf(third).projects.list();
    await expect(anyone.auth.refresh(first.refreshToken)).rejects.toMatchObject(unauthorized);
    await expect(clientOf(third).projects.list()).rejects.toMatchObject(unauthorized);
  });

  test('are listed, and ended one by one or all but one', async () => {
    const [mine, ...others] = await Promise.all([0, 1, 2].map(() => anyone.auth.login(credentials)));
    const client = clientOf(mine!);
    const { items } = await client.auth.sessions();
    expect(items.filter(({ current }) => current)).toHaveLength(1);
    const first = (await clientOf(others[0]!).auth.sessions()).items.find(({ current }) => current)!;
    await client.auth.revokeSession(first.id);
    await expect(clientOf(others[0]!).projects.list()).rejects.toMatchObject(unauthorized);
    expect((await client.auth.revokeOtherSessions()).revoked).toBeGreaterThanOrEqual(1);
    await expect(clientOf(others[1]!).projects.list()).rejects.toMatchObject(unauthorized);
    expect((await client.auth.sessions()).items.map(({ current }) => current)).toEqual([true]);
  });

  test('are ended by logout, also when the answer is lost', async () => {
    const login = await anyone.auth.login(credentials);
    await losing(1, login.accessToken).auth.logout();
    await expect(clientOf(login).auth.logout()).rejects.toMatchObject(unauthorized);
    await expect(anyone.auth.refresh(login.refreshToken)).rejects.toMatchObject(unauthorized);
  });

  test("go on in another team, if it is the user's", async () => {
    const login = await anyone.auth.login(credentials);
    const access = await clientOf(login).auth.switchTenant(login.tenantId);
    expect(access).toMatchObject({ tenantId: login.tenantId, expiresAt: login.expiresAt });
    await clientOf(access).projects.list();
    const elsewhere = clientOf(login).auth.switchTenant(crypto.randomUUID());
    await expect(elsewhere).rejects.toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });
});

test('signing keys are rotated, and tokens of the old one go on', async () => {
  const client = clientOf(await anyone.auth.login(credentials));
  const made = await client.signingKeys.rotate();
  const [newest, before] = await client.signingKeys.list();
  expect([newest, before?.status]).toEqual([made, 'verify_only']);
});
