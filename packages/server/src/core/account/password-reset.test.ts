import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsFor,
  mailsTo,
  PASSWORD,
  type AccountHarness,
  type TestUser,
} from '../../../test/account-harness.ts';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { HOUR } from '../../../test/identity-harness.ts';
import { SYSTEM_TENANT } from '../audit/index.ts';
import { authenticate, challengeFor, createApiKey, login, refreshLogin } from '../identity/index.ts';
import { verifyTwoFactor } from '../two-factor/index.ts';
import { confirmPasswordReset, requestPasswordReset } from './index.ts';

const NEW = 'another password 8';
const EXPIRED = { code: 'LINK_EXPIRED' };
const UNAUTHORIZED = { code: 'UNAUTHORIZED' };

describe.each(ENGINES)('password reset on %s', (engine) => {
  let h: Harness;
  let a: AccountHarness;
  beforeAll(async () => {
    h = await openHarness({ engine });
    a = accountsFor(h);
  }, 30_000);
  afterAll(() => h.close());

  async function askFor({ email }: Pick<TestUser, 'email'>): Promise<string> {
    await requestPasswordReset(a.open, { email });
    return (await mailsTo(h, email)).findLast(({ template }) => template === 'password_reset')!.variables
      .token!;
  }
  const confirm = (token: string, password = NEW) => confirmPasswordReset(a.open, { token, password });
  const logIn = (email: string, password: string) => login(a.identity, { email, password });

  it('mails a link to the configured address, and sets the password with its token', async () => {
    const user = await a.createUser();
    const token = await askFor(user);
    expect((await mailsTo(h, user.email))[0]!.variables).toEqual({
      name: 'Ann',
      token,
      url: `http://holdfast.test/reset-password#token=${token}`,
    });
    expect(await confirm(token)).toEqual({ revoked_logins: 1 });
    await expect(logIn(user.email, PASSWORD)).rejects.toMatchObject(UNAUTHORIZED);
    expect(await logIn(user.email, NEW)).toMatchObject({ user: { id: user.id } });
    expect((await mailsTo(h, user.email)).map(({ template }) => template)).toEqual([
      'password_reset',
      'password_changed',
    ]);
    const recorded = await auditEntries(h.db, user.tenantId);
    const mine = recorded.filter(({ action }) => action.startsWith('password.'));
    expect(mine).toMatchObject([
      { action: 'password.reset_requested', actor: { id: 'anonymous' }, targets: [{ id: user.id }] },
      { action: 'password.reset', actor: { id: `user:${user.id}` }, targets: [{ id: user.id }] },
    ]);
    expect(JSON.stringify(recorded)).not.toContain(token);
  });

  it('ends every login and refresh token, half-finished logins, and the other mailed links', async () => {
    const { secret, ...user } = await a.createGuardedUser();
    const started = await challengeFor(a.identity, user.id);
    const second = await challengeFor(a.identity, user.id);
    const code = a.codeOf(secret);
    const other = await verifyTwoFactor(a.open, { challenge_token: second!.challenge_token, code });
    const [first, token] = [await askFor(user), await askFor(user)];
    expect(await confirm(token)).toEqual({ revoked_logins: 2 });
    for (const value of [user.accessToken, other.accessToken]) {
      await expect(authenticate(a.identity, { kind: 'bearer', value })).rejects.toMatchObject(UNAUTHORIZED);
    }
    const refresh = refreshLogin(a.identity, { refresh_token: other.refreshToken });
    await expect(refresh).rejects.toMatchObject(UNAUTHORIZED);
    a.clock.advance(30_000);
    const late = { challenge_token: started!.challenge_token, code: a.codeOf(secret) };
    await expect(verifyTwoFactor(a.open, late)).rejects.toMatchObject(UNAUTHORIZED);
    await expect(confirm(first, 'a third password 9')).rejects.toMatchObject(EXPIRED);
    await expect(logIn(user.email, NEW)).rejects.toMatchObject({ code: 'TWO_FACTOR_REQUIRED' });
  });

  it('leaves other users alone', async () => {
    const [user, other] = [await a.createUser(), await a.createUser()];
    const theirs = await askFor(other);
    await confirm(await askFor(user));
    await authenticate(a.identity, { kind: 'bearer', value: other.accessToken });
    expect(await logIn(other.email, PASSWORD)).toMatchObject({ user: { id: other.id } });
    expect(await confirm(theirs)).toEqual({ revoked_logins: 2 });
  });

  it('takes a token once, also of 50 uses at the same time', { timeout: 60_000 }, async () => {
    const user = await a.createUser();
    const token = await askFor(user);
    const passwords = Array.from({ length: 50 }, (_, n) => `parallel password ${n}`);
    const uses = await Promise.allSettled(passwords.map((password) => confirm(token, password)));
    const won = uses.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
    expect(won).toHaveLength(1);
    for (const use of uses) if (use.status === 'rejected') expect(use.reason).toMatchObject(EXPIRED);
    expect(await logIn(user.email, passwords[won[0]!]!)).toMatchObject({ user: { id: user.id } });
    expect(await auditEntries(h.db, user.tenantId, 'password.reset')).toHaveLength(1);
  });

  it('of several mailed tokens of one user, used at the same time, takes one', async () => {
    const user = await a.createUser();
    const tokens: string[] = [];
    for (let n = 0; n < 5; n += 1) tokens.push(await askFor(user));
    const uses = await Promise.allSettled(tokens.map((token) => confirm(token)));
    expect(uses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('ends after one hour', async () => {
    const user = await a.createUser();
    const token = await askFor(user);
    a.clock.advance(HOUR);
    await expect(confirm(token)).rejects.toMatchObject(EXPIRED);
    expect(await a.identity.accounts.verifyPasswordOf(user.id, PASSWORD)).toBe(true);
  });

  it('a refused password does not use the token up', async () => {
    const user = await a.createUser();
    const token = await askFor(user);
    for (const password of ['password1', user.email]) {
      await expect(confirm(token, password)).rejects.toMatchObject({
        extras: { errors: [{ field: 'password' }] },
      });
    }
    await expect(confirm(token, 'short')).rejects.toMatchObject({ issues: [{ path: ['password'] }] });
    expect(await confirm(token)).toEqual({ revoked_logins: 1 });
  });

  it('proves the address, and ends the API keys of whoever used it before', async () => {
    const [user, proven] = [await a.createUser({ verified: false }), await a.createUser()];
    const keys = await Promise.all(
      [user, proven].map((each) => createApiKey(a.as(each), { name: 'Key', scopes: ['read'] })),
    );
    for (const each of [user, proven]) await confirm(await askFor(each));
    const [ended, kept] = keys.map(({ secret }) =>
      authenticate(a.identity, { kind: 'api_key', value: secret! }),
    );
    await expect(ended).rejects.toMatchObject(UNAUTHORIZED);
    expect(await kept).toMatchObject({ tenantId: proven.tenantId });
    const query = h.db.kysely.selectFrom('users').select('email_verified').where('id', '=', user.id);
    expect(await query.executeTakeFirst()).toEqual({ email_verified: true });
  });

  it('answers for an unknown address as for a known one, mails nothing, and records the try', async () => {
    const { email } = await a.createUser();
    const unknown = `${randomUUID()}@example.com`;
    const tries = async () => (await auditEntries(h.db, SYSTEM_TENANT, 'password.reset_requested')).length;
    const before = await tries();
    const answers = [
      await requestPasswordReset(a.open, { email }),
      await requestPasswordReset(a.open, { email: unknown }),
    ];
    expect(answers[1]).toEqual(answers[0]);
    expect(await mailsTo(h, unknown)).toEqual([]);
    expect(await tries()).toBe(before + 1);
  });

  it('takes the same time for an unknown address as for a known one', async () => {
    const steady = accountsFor(h, { account: { answerFloorMs: 60_000 } });
    const [{ email }, before] = [await steady.createUser(), steady.clock.pendingCount];
    for (const each of [email, `${randomUUID()}@example.com`]) {
      let answered = false;
      const answer = requestPasswordReset(steady.open, { email: each }).then(() => (answered = true));
      await expect.poll(() => steady.clock.pendingCount).toBe(before + 1);
      // Longer than the work takes: the same work, done again, is over.
      await requestPasswordReset(a.open, { email: each });
      steady.clock.advance(59_999);
      await mailsTo(h, each);
      expect(answered).toBe(false);
      steady.clock.advance(1);
      await answer;
    }
  });

  it('answers 410 for a token that never was, 400 for what is none', async () => {
    await expect(confirm(randomBytes(32).toString('base64url'))).rejects.toMatchObject(EXPIRED);
    await expect(confirm('../../etc/passwd')).rejects.toMatchObject({ issues: [{ path: ['token'] }] });
    await expect(confirm({ $gt: '' } as never)).rejects.toMatchObject({ issues: [{ path: ['token'] }] });
  });

  it('leaves a password that somebody without any chose for the first time', async () => {
    const user = await a.createUser();
    await h.db.query({ name: 'test_no_password', text: 'delete from user_accounts where user_id = $1' }, [
      user.id,
    ]);
    expect(await a.identity.accounts.verifyPasswordOf(user.id, PASSWORD)).toBe(false);
    await confirm(await askFor(user));
    expect(await logIn(user.email, NEW)).toMatchObject({ user: { id: user.id } });
  });
});
