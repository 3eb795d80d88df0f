import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsFor,
  CLIENT,
  mailsTo,
  PASSWORD,
  type AccountHarness,
} from '../../../test/account-harness.ts';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { login } from '../identity/index.ts';
import { registerUser } from './index.ts';

const ACCEPTED = { message: expect.any(String) };
const fresh = () => `${randomUUID()}@example.com`;

describe.each(ENGINES)('registration on %s', (engine) => {
  let h: Harness;
  let a: AccountHarness;
  beforeAll(async () => {
    h = await openHarness({ engine });
    a = accountsFor(h);
  }, 30_000);
  afterAll(() => h.close());

  const register = (email: string, more: object = {}, ctx = a.open) =>
    registerUser(ctx, { name: 'Ann', email, password: PASSWORD, ...more });
  const userOf = (email: string) =>
    h.db.kysely.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst();
  const teamsOf = (userId: string) =>
    h.db.kysely
      .selectFrom('memberships')
      .innerJoin('tenants', 'tenants.id', 'memberships.tenant_id')
      .innerJoin('projects', 'projects.tenant_id', 'tenants.id')
      .select(['tenants.id', 'tenants.name', 'memberships.role', 'projects.name as project'])
      .where('user_id', '=', userId)
      .execute();

  it('makes an unverified user who owns a team with a project, and mails a link', async () => {
    const email = fresh();
    expect(await register(email, { name: '  Ann  ', team_name: 'Harbour' })).toEqual(ACCEPTED);
    const user = await userOf(email);
    expect(user).toMatchObject({ name: 'Ann', email_verified: false });
    const teams = await teamsOf(user!.id);
    expect(teams).toEqual([{ id: expect.any(String), name: 'Harbour', role: 'owner', project: 'Harbour' }]);
    const [mail, ...others] = await mailsTo(h, email);
    expect(others).toEqual([]);
    expect(mail).toEqual({
      template: 'verify_email',
      variables: {
        name: 'Ann',
        token: expect.stringMatching(/^[\w-]{43}$/),
        url: `http://holdfast.test/verify-email#token=${mail!.variables.token}`,
      },
    });
    const entries = await auditEntries(h.db, teams[0]!.id);
    expect(entries.map(({ action, actor }) => [action, actor.id])).toEqual([
      ['user.registered', `user:${user!.id}`],
    ]);
    expect(await login(a.identity, { email, password: PASSWORD })).toMatchObject({ tenantId: teams[0]!.id });
  });

  it('names the team after the user when nothing else is said', async () => {
    const email = fresh();
    await register(email);
    expect(await teamsOf((await userOf(email))!.id)).toMatchObject([{ name: 'Ann' }]);
  });

  it('stores neither password nor token in the clear', async () => {
    const email = fresh();
    await register(email);
    const [mail] = await mailsTo(h, email);
    const { id } = (await userOf(email))!;
    const rows = await Promise.all([
      h.db.kysely.selectFrom('account_tokens').selectAll().where('user_id', '=', id).execute(),
      h.db.query({ name: 'test_accounts', text: 'select * from user_accounts where user_id = $1' }, [id]),
    ]);
    expect(rows.map((found) => found.length)).toEqual([1, 1]);
    const stored = JSON.stringify(rows);
    expect(stored).not.toContain(mail!.variables.token);
    expect(stored).not.toContain(PASSWORD);
  });

  it('gives a taken address the same answer, and tells its owner by mail', async () => {
    const email = fresh();
    const first = await register(email);
    const before = await userOf(email);
    expect(await register(email.toUpperCase(), { name: 'Mallory', password: 'another password' })).toEqual(
      first,
    );
    expect(await userOf(email)).toEqual(before);
    expect(await teamsOf(before!.id)).toHaveLength(1);
    const mails = await mailsTo(h, email);
    expect(mails.map(({ template }) => template)).toEqual(['verify_email', 'address_taken']);
    expect(mails[1]!.variables).toEqual({ name: 'Ann', url: 'http://holdfast.test/' });
    expect(await a.identity.accounts.verifyPassword(email, 'another password')).toBeNull();
  });

  it('makes one account of many registrations of one address at once', async () => {
    const email = fresh();
    const answers = await Promise.all(Array.from({ length: 10 }, () => register(email)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const user = await userOf(email);
    expect(await teamsOf(user!.id)).toHaveLength(1);
    const templates = (await mailsTo(h, email)).map(({ template }) => template).toSorted();
    expect(templates).toEqual([...Array<string>(9).fill('address_taken'), 'verify_email']);
  });

  it.each(['invite', 'closed'] as const)('is refused while registration is %s', async (registration) => {
    const email = fresh();
    const closed = accountsFor(h, { account: { registration } });
    await expect(register(email, {}, closed.open)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await userOf(email)).toBeUndefined();
    expect(await mailsTo(h, email)).toEqual([]);
  });

  it('leaves nothing when it fails half-way', async () => {
    const email = fresh();
    const broken = { ...a.open, settings: { ...a.open.settings, publicUrl: 'not a URL' } };
    await expect(register(email, {}, broken)).rejects.toThrow();
    expect(await userOf(email)).toBeUndefined();
    expect(await mailsTo(h, email)).toEqual([]);
    expect(await register(email)).toEqual(ACCEPTED);
  });

  it('mass assignment: fields that are not the caller’s to set are refused', async () => {
    const email = fresh();
    const extras = [
      { role: 'owner' },
      { tenant_id: randomUUID() },
      { email_verified: true },
      { tier: 'enterprise' },
      { is_home: true },
      { id: 'me' },
      { scopes: ['admin'] },
    ];
    for (const extra of extras) {
      await expect(register(email, extra)).rejects.toMatchObject({
        issues: [{ code: 'unrecognized_keys', keys: Object.keys(extra) }],
      });
    }
    expect(await userOf(email)).toBeUndefined();
  });

  it.each([
    ['name', { name: ' ' }],
    ['name', { name: 'x'.repeat(201) }],
    ['email', { email: 'nobody' }],
    ['email', { email: `${'a'.repeat(250)}@example.com` }],
    ['password', { password: 'short77' }],
    ['password', { password: 'x'.repeat(1025) }],
    ['password', { password: { $ne: null } }],
    ['team_name', { team_name: '' }],
  ])('names the bad field %s', async (field, more) => {
    await expect(register(fresh(), more)).rejects.toMatchObject({ issues: [{ path: [field] }] });
  });

  it.each([
    ['12345678', 'tried first'],
    ['PassWord1', 'tried first'],
    ['ann.smith@example.com', 'e-mail'],
    ['ANN.SMITH', 'e-mail'],
  ])('refuses the password %s', async (password, reason) => {
    const email = 'Ann.Smith@example.com';
    await expect(register(email, { password })).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      extras: { errors: [{ field: 'password', message: expect.stringContaining(reason) }] },
    });
    expect(await userOf(email.toLowerCase())).toBeUndefined();
  });

  it('takes a password of any characters up to 1024', async () => {
    const email = fresh();
    const password = `${'ü'.repeat(1023)}!`;
    await register(email, { password });
    expect(await login(a.identity, { email, password })).toMatchObject({ user: { email } });
  });

  it('answers for a taken and for a free address after the same time', async () => {
    const steady = accountsFor(h, { account: { answerFloorMs: 60_000 } });
    const taken = (await steady.createUser()).email;
    for (const email of [taken, fresh()]) {
      let answered = false;
      const answer = register(email, {}, steady.open).then(() => (answered = true));
      const sent = async () => (await mailsTo(h, email)).length > 0;
      await expect.poll(sent, { timeout: 10_000 }).toBe(true);
      steady.clock.advance(59_999);
      await mailsTo(h, email);
      expect(answered).toBe(false);
      steady.clock.advance(1);
      await answer;
    }
  });

  it('records where it came from', async () => {
    const email = fresh();
    await register(email);
    const [team] = await teamsOf((await userOf(email))!.id);
    const [entry] = await auditEntries(h.db, team!.id, 'user.registered');
    // Encrypted per person; that it is there at all is what this test can see.
    expect(entry!.context.ip).toEqual(expect.any(String));
    expect(entry!.context.ip).not.toBe(CLIENT.ip);
  });
});
