import {
  acceptedInvitationSchema,
  emailSchema,
  invitationSchema,
  invitationViewSchema,
  loginReplySchema,
  newApiKeySchema,
  profileSchema,
  teamMemberSchema,
  teamSchema,
  type ErrorBody,
} from '@holdfast/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { logIn, newEmail, PASSWORD, register } from './support/account.ts';
import { listAll, V1 } from './support/api.ts';
import { dataOf, errorOf, fieldsOf, pageOf } from './support/expect.ts';
import { get, patch, post, remove, send, type Answer, type Call } from './support/http.ts';
import { target } from './support/target.ts';

const ROLES = ['owner', 'admin', 'member', 'read_only'] as const;
type Role = (typeof ROLES)[number];

interface Person {
  id: string;
  email: string;
  token: string;
}

const TEAMS = `${V1}/teams`;
const UNKNOWN = crypto.randomUUID();
const statusesOf = (answers: Answer[]) => answers.map(({ status }) => status).toSorted((a, b) => a - b);
/** What may differ between two refusals that must look the same. */
const essence = ({ timestamp: _, request_id: __, path: ___, ...rest }: ErrorBody) => rest;

describe.skipIf(!target.openToRegistration)('teams', () => {
  let teamId: string;
  let people: Record<Role, Person>;
  /** Of the team, with the scope admin. */
  let key: string;
  const team = (rest = '') => `${TEAMS}/${teamId}${rest}`;
  const as = (role: Role) => ({ token: people[role].token });

  beforeAll(async () => {
    const { email, login } = await register();
    teamId = login.tenantId;
    const owner = { id: login.user.id, email, token: login.accessToken };
    people = { owner, admin: owner, member: owner, read_only: owner };
    for (const role of ROLES.slice(1)) people[role] = await join(role);
    const made = await post(`${V1}/api-keys`, { name: 'Of the team', scopes: ['admin'] }, as('owner'));
    key = dataOf(made, newApiKeySchema, 201).secret!;
  });

  /** @returns the token in the newest mail to that address */
  async function mailedTo(email: string): Promise<string> {
    const { items } = pageOf(await get(`${V1}/admin/emails?limit=100`, as('owner')), emailSchema);
    const mail = items.find(({ recipient }) => recipient === email.toLowerCase());
    return /#token=(\S+)/.exec(mail!.body!.text)![1]!;
  }

  async function invite(email: string, role: Role): Promise<string> {
    dataOf(await post(team('/invitations'), { email, role }, as('owner')), invitationSchema, 201);
    return mailedTo(email);
  }

  /** Somebody who was not there before, in that role. */
  async function join(role: Role): Promise<Person> {
    const email = newEmail();
    const path = `${V1}/invitations/${await invite(email, role)}/accept`;
    const answer = await post(path, { name: role, password: PASSWORD }, { token: null });
    const { user } = dataOf(answer, acceptedInvitationSchema);
    return { id: user.id, email, token: dataOf(await logIn(email), loginReplySchema).accessToken };
  }

  const MATRIX: [string, () => Call, Record<Role | 'key', number>][] = [
    ['see the team', () => ({ path: team() }), all(200)],
    [
      'rename it',
      () => ({ method: 'PATCH', path: team(), body: { name: 'New' } }),
      { owner: 200, admin: 200, member: 403, read_only: 403, key: 200 },
    ],
    ['change its tier', () => ({ method: 'PATCH', path: team(), body: { tier: 'pro' } }), all(403)],
    ['see the members', () => ({ path: team('/members') }), all(200)],
    [
      'change a role (of nobody)',
      () => ({ method: 'PATCH', path: team(`/members/${UNKNOWN}`), body: { role: 'member' } }),
      { owner: 404, admin: 404, member: 403, read_only: 403, key: 403 },
    ],
    [
      'remove a member (nobody)',
      () => ({ method: 'DELETE', path: team(`/members/${UNKNOWN}`) }),
      { owner: 404, admin: 404, member: 403, read_only: 403, key: 403 },
    ],
    [
      'remove an owner',
      () => ({ method: 'DELETE', path: team(`/members/${people.owner.id}`) }),
      { owner: 409, admin: 403, member: 403, read_only: 403, key: 403 },
    ],
    [
      'invite a member',
      () => ({ method: 'POST', path: team('/invitations'), body: { email: newEmail(), role: 'member' } }),
      { owner: 201, admin: 201, member: 403, read_only: 403, key: 403 },
    ],
    [
      'invite an owner',
      () => ({ method: 'POST', path: team('/invitations'), body: { email: newEmail(), role: 'owner' } }),
      { owner: 201, admin: 403, member: 403, read_only: 403, key: 403 },
    ],
    [
      'see invitations',
      () => ({ path: team('/invitations') }),
      { owner: 200, admin: 200, member: 403, read_only: 403, key: 200 },
    ],
    [
      'withdraw an invitation (none)',
      () => ({ method: 'DELETE', path: team(`/invitations/${UNKNOWN}`) }),
      { owner: 404, admin: 404, member: 403, read_only: 403, key: 403 },
    ],
    [
      'read the outbox',
      () => ({ path: `${V1}/admin/emails` }),
      { owner: 200, admin: 200, member: 403, read_only: 403, key: 200 },
    ],
    ['see the own profile', () => ({ path: `${V1}/profile` }), { ...all(200), key: 403 }],
    [
      'change the own profile',
      () => ({ method: 'PATCH', path: `${V1}/profile`, body: { locale: 'fr' } }),
      { ...all(200), key: 403 },
    ],
  ];

  function all(status: number): Record<Role | 'key', number> {
    return { owner: status, admin: status, member: status, read_only: status, key: status };
  }

  it.each(MATRIX)('who may %s', async (_name, call, expected) => {
    const given: Record<string, number> = {};
    for (const role of ROLES) given[role] = (await send({ ...call(), ...as(role) })).status;
    given.key = (await send({ ...call(), token: key })).status;
    expect(given).toEqual(expected);
  });

  it.skipIf(target.otherApiKey === undefined)('P-06 another team finds none of it', async () => {
    const token = target.otherApiKey;
    for (const [name, call] of MATRIX) {
      const { path, ...rest } = call();
      if (!path.startsWith(TEAMS)) continue;
      const foreign = errorOf(await send({ ...rest, path, token }), 404, 'NOT_FOUND');
      const absent = await send({ ...rest, path: path.replace(teamId, UNKNOWN), token });
      expect({ name, ...essence(foreign) }).toEqual({ name, ...essence(errorOf(absent, 404)) });
    }
    const { items } = pageOf(await get(`${V1}/admin/emails?limit=100`, { token }), emailSchema);
    const ours = Object.values(people).map(({ email }) => email);
    expect(items.filter(({ recipient }) => ours.includes(recipient))).toEqual([]);
    const teams = await listAll(TEAMS, teamSchema, 100, token);
    expect(teams.map(({ id }) => id)).not.toContain(teamId);
  });

  it('lists members page by page', async () => {
    const members = await listAll(team('/members'), teamMemberSchema, 2, people.read_only.token);
    expect((await get(team('/members?limit=2'), as('member'))).json).toMatchObject({
      pagination: { total: 4 },
    });
    const expected = ROLES.map((role) => [people[role].id, role]);
    expect(Object.fromEntries(members.map(({ user_id, role }) => [user_id, role]))).toEqual(
      Object.fromEntries(expected),
    );
    expect(members).toHaveLength(expected.length);
  });

  it('nobody raises themselves', async () => {
    for (const role of ['admin', 'member', 'read_only'] as const) {
      const path = team(`/members/${people[role].id}`);
      errorOf(await patch(path, { role: 'owner' }, as(role)), 403, 'FORBIDDEN');
    }
  });

  it('of two owners who lower each other at once one stays', async () => {
    const path = (who: Role) => team(`/members/${people[who].id}`);
    dataOf(await patch(path('admin'), { role: 'owner' }, as('owner')), teamMemberSchema);
    const answers = await Promise.all([
      patch(path('admin'), { role: 'member' }, as('owner')),
      patch(path('owner'), { role: 'member' }, as('admin')),
    ]);
    expect(statusesOf(answers)).toEqual([200, 403]);
    const stays = answers[0].status === 200 ? 'owner' : 'admin';
    errorOf(await patch(path(stays), { role: 'member' }, as(stays)), 409, 'RESOURCE_CONFLICT');
    for (const [who, role] of [
      ['owner', 'owner'],
      ['admin', 'admin'],
    ] as const) {
      if (who !== stays || role === 'admin') await patch(path(who), { role }, as(stays));
    }
    const { items } = pageOf(await get(team('/members'), as('owner')), teamMemberSchema);
    expect(items.filter(({ role }) => role === 'owner').length).toBeGreaterThanOrEqual(1);
  });

  it('an invitation is seen by its link, replaced by the next, and of use once', async () => {
    const { email, login } = await register();
    const bob = { token: login.accessToken };
    const link = (token: string) => `${V1}/invitations/${token}`;
    const first = await invite(email, 'member');
    const second = await invite(email.toUpperCase(), 'read_only');
    errorOf(await get(link(first), { token: null }), 410, 'LINK_EXPIRED');
    const view = dataOf(await get(link(second), { token: null }), invitationViewSchema);
    expect(view).toMatchObject({ email: `${email[0]}***@conformance.example`, has_account: true });
    errorOf(await post(`${link(second)}/accept`, {}, as('member')), 403, 'FORBIDDEN');
    errorOf(await post(`${link(second)}/accept`, {}, { token: null }), 401, 'UNAUTHORIZED');
    const mallory = { name: 'Mallory', password: PASSWORD };
    errorOf(await post(`${link(second)}/accept`, mallory, { token: null }), 409, 'RESOURCE_CONFLICT');
    const tries = await Promise.all(Array.from({ length: 5 }, () => post(`${link(second)}/accept`, {}, bob)));
    expect(statusesOf(tries)).toEqual([200, 410, 410, 410, 410]);
    expect(dataOf(await get(team(), bob), teamSchema)).toMatchObject({ role: 'read_only' });
    expect(dataOf(await remove(team(`/members/${login.user.id}`), bob), teamMemberSchema).user_id).toBe(
      login.user.id,
    );
    errorOf(await get(team(), bob), 404, 'NOT_FOUND');
  });

  it.each(['nonsense', `hf_invite_${'A'.repeat(43)}`, '%27%20or%201=1--', 'x'.repeat(300)])(
    'an invitation that never was is not found: %s',
    async (token) => {
      errorOf(await get(`${V1}/invitations/${token}`, { token: null }), 404, 'NOT_FOUND');
      const body = { name: 'Bob', password: PASSWORD };
      errorOf(await post(`${V1}/invitations/${token}/accept`, body, { token: null }), 404, 'NOT_FOUND');
    },
  );

  it('BF-1.2.a who is removed is out at the next request', async () => {
    const { id, token } = people.read_only;
    expect((await get(`${V1}/projects`, { token })).status).toBe(200);
    dataOf(await remove(team(`/members/${id}`), as('owner')), teamMemberSchema);
    errorOf(await get(`${V1}/projects`, { token }), 401, 'UNAUTHORIZED');
    errorOf(await remove(team(`/members/${id}`), as('owner')), 404, 'NOT_FOUND');
  });

  it('a team of one’s own', async () => {
    const made = dataOf(await post(TEAMS, { name: 'Second' }, as('member')), teamSchema, 201);
    expect(made).toMatchObject({ role: 'owner', tier: 'free' });
    const mine = await listAll(TEAMS, teamSchema, 1, people.member.token);
    expect(mine.map(({ id }) => id)).toEqual(expect.arrayContaining([made.id, teamId]));
    errorOf(await get(`${TEAMS}/${made.id}`, as('owner')), 404, 'NOT_FOUND');
    errorOf(await post(TEAMS, { name: 'x' }, { token: key }), 403, 'FORBIDDEN');
  });

  it('the profile keeps what is changed, and has an ETag', async () => {
    const change = { name: 'Ann B.', locale: 'en-gb', notifications: { secret_expiring: false } };
    const changed = dataOf(await patch(`${V1}/profile`, change, as('owner')), profileSchema);
    expect(changed).toMatchObject({ ...change, locale: 'en-GB' });
    const answer = await get(`${V1}/profile`, as('owner'));
    expect(dataOf(answer, profileSchema)).toEqual(changed);
    const { etag } = answer.headers;
    const stale = { ...as('owner'), headers: { 'if-match': '"0"' } };
    errorOf(await patch(`${V1}/profile`, { name: 'x' }, stale), 412, 'PRECONDITION_FAILED');
    const fresh = { ...as('owner'), headers: { 'if-match': etag! } };
    expect((await patch(`${V1}/profile`, { name: 'Ann' }, fresh)).status).toBe(200);
  });

  it.each([
    ['/profile', { locale: 'en_US' }, ['locale']],
    ['/profile', { name: 'x', email: 'other@example.com' }, ['email']],
    ['/profile', { notifications: { invitation: false } }, ['notifications.invitation']],
  ])('names the bad field of %s %j', async (path, body, fields) => {
    expect(fieldsOf(await patch(V1 + path, body, as('owner')))).toEqual(fields);
  });

  it('tells of a mail what it says only while it waits', async () => {
    const { items } = pageOf(await get(`${V1}/admin/emails?status=sent`, as('owner')), emailSchema);
    expect(items.map(({ body }) => body)).toEqual(items.map(() => null));
    errorOf(await get(`${V1}/admin/emails?status=lost`, as('owner')), 400, 'VALIDATION_ERROR');
  });
});
