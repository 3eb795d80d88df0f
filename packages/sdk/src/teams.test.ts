import { randomBytes } from 'node:crypto';
import { startServer, type LocalServer } from '@holdfast/local-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient, type Client } from './index.ts';

const OWNER = { email: 'owner@holdfast.local', password: randomBytes(12).toString('base64url') };
const BOB = { name: 'Bob', password: randomBytes(12).toString('base64url') };

let server: LocalServer;
let owner: Client;
let teamId: string;

beforeAll(async () => {
  server = await startServer({ env: { ADMIN_EMAIL: OWNER.email, ADMIN_PASSWORD: OWNER.password } });
  ({ client: owner, teamId } = await login(OWNER));
}, 60_000);
afterAll(() => server.stop());

async function login(input: { email: string; password: string }) {
  const { accessToken, tenantId } = await createClient({ baseUrl: server.url }).auth.login(input);
  return { client: createClient({ baseUrl: server.url, token: accessToken }), teamId: tenantId };
}

/** The token of the newest mail, as a developer without a mail server finds it. */
async function mailedToken(): Promise<string> {
  const response = await fetch(`${server.url}/api/v1/admin/emails?limit=1`, {
    headers: { 'x-api-key': server.apiKey },
  });
  const { data } = (await response.json()) as { data: { body: { text: string } }[] };
  return /#token=(\S+)/.exec(data[0]!.body.text)![1]!;
}

test('teams, invitations, members and the profile', async () => {
  const invitation = await owner.invitations.create(teamId, { email: 'bob@example.com', role: 'read_only' });
  expect((await owner.invitations.list(teamId)).items).toEqual([invitation]);
  const token = await mailedToken();
  const nobody = createClient({ baseUrl: server.url });
  expect(await nobody.invitations.view(token)).toMatchObject({
    email: 'b***@example.com',
    has_account: false,
  });
  const { user } = await nobody.invitations.accept(token, BOB);
  await expect(nobody.invitations.view(token)).rejects.toMatchObject({ code: 'LINK_EXPIRED', status: 410 });

  const { client: bob } = await login({ email: 'bob@example.com', password: BOB.password });
  await expect(bob.projects.create({ name: 'x' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect(await owner.teams.setRole(teamId, user.id, 'member')).toMatchObject({ role: 'member' });
  expect(await bob.projects.create({ name: 'x' })).toMatchObject({ name: 'x' });
  expect((await bob.teams.members(teamId, { limit: 1 })).items).toHaveLength(1);
  expect(await bob.profile.update({ locale: 'de' })).toMatchObject({ name: 'Bob', locale: 'de' });
  expect(await bob.profile.get()).toMatchObject({ locale: 'de' });

  const own = await bob.teams.create({ name: 'Of Bob' });
  expect((await bob.teams.list()).items.map(({ id }) => id).toSorted()).toEqual([own.id, teamId].toSorted());
  expect(await bob.teams.update(own.id, { name: 'Still of Bob' })).toMatchObject({ role: 'owner' });
  expect(await bob.teams.get(own.id)).toMatchObject({ name: 'Still of Bob' });
  await expect(owner.teams.get(own.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });

  const second = await owner.invitations.create(teamId, { email: 'carol@example.com', role: 'member' });
  expect(await owner.invitations.revoke(teamId, second.id)).toMatchObject({ status: 'revoked' });
  await owner.teams.removeMember(teamId, user.id);
  await expect(bob.projects.list()).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
});
