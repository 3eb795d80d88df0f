import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsFor, mailsTo, PASSWORD, type AccountHarness } from '../../../test/account-harness.ts';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { authenticate, login } from '../identity/index.ts';
import { changePassword, confirmPasswordReset, requestPasswordReset } from './index.ts';

const NEW = 'another password 8';
const change = { current_password: PASSWORD, new_password: NEW };

describe.each(ENGINES)('change of a password on %s', (engine) => {
  let h: Harness;
  let a: AccountHarness;
  beforeAll(async () => {
    h = await openHarness({ engine });
    a = accountsFor(h);
  }, 30_000);
  afterAll(() => h.close());

  const show = (value: string) => authenticate(a.identity, { kind: 'bearer', value });

  it('ends the other logins, keeps this one, tells by mail and in the audit log', async () => {
    const user = await a.createUser();
    const other = await login(a.identity, { email: user.email, password: PASSWORD });
    expect(await changePassword(a.as(user), change)).toEqual({ revoked_logins: 1 });
    await expect(show(other.accessToken)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await show(user.accessToken)).toMatchObject({ userId: user.id });
    await expect(login(a.identity, { email: user.email, password: PASSWORD })).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
    expect(await login(a.identity, { email: user.email, password: NEW })).toBeDefined();
    expect(await mailsTo(h, user.email)).toMatchObject([{ template: 'password_changed' }]);
    const [entry] = await auditEntries(h.db, user.tenantId, 'password.changed');
    expect(entry).toMatchObject({
      actor: { id: `user:${user.id}` },
      context: { details: { revoked_logins: 1 } },
    });
    expect(JSON.stringify(entry)).not.toContain(NEW);
  });

  it('needs the current password', async () => {
    const user = await a.createUser();
    const wrong = changePassword(a.as(user), { ...change, current_password: 'wrong' });
    await expect(wrong).rejects.toMatchObject({ extras: { errors: [{ field: 'current_password' }] } });
    expect(await a.identity.accounts.verifyPasswordOf(user.id, PASSWORD)).toBe(true);
    expect(await mailsTo(h, user.email)).toEqual([]);
    expect(await auditEntries(h.db, user.tenantId, 'password.changed')).toEqual([]);
  });

  it('makes mailed reset links worthless', async () => {
    const user = await a.createUser();
    await requestPasswordReset(a.open, { email: user.email });
    const token = (await mailsTo(h, user.email))[0]!.variables.token!;
    await changePassword(a.as(user), change);
    const reset = confirmPasswordReset(a.open, { token, password: 'a third password 9' });
    await expect(reset).rejects.toMatchObject({ code: 'LINK_EXPIRED' });
  });

  it.each(['short', 'password1', PASSWORD])('refuses %s as the new one', async (password) => {
    const user = await a.createUser();
    const error: unknown = await changePassword(a.as(user), { ...change, new_password: password }).catch(
      (thrown: unknown) => thrown,
    );
    expect(JSON.stringify(error)).toContain('new_password');
    expect(await a.identity.accounts.verifyPasswordOf(user.id, PASSWORD)).toBe(true);
  });

  it('is for a user who is logged in: no key, no service, no guest', async () => {
    const user = await a.createUser();
    const ctx = a.as(user);
    for (const kind of ['api_key', 'service', 'guest'] as const) {
      const principal = { ...ctx.principal, kind };
      const refused = changePassword({ ...ctx, principal }, change);
      await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    expect(await a.identity.accounts.verifyPasswordOf(user.id, PASSWORD)).toBe(true);
  });

  it('mass assignment: takes no user to change but the caller', async () => {
    const [user, victim] = [await a.createUser(), await a.createUser()];
    for (const extra of [{ user_id: victim.id }, { userId: victim.id }, { email: victim.email }]) {
      await expect(changePassword(a.as(user), { ...change, ...extra })).rejects.toMatchObject({
        issues: [{ code: 'unrecognized_keys' }],
      });
    }
    expect(await a.identity.accounts.verifyPasswordOf(victim.id, PASSWORD)).toBe(true);
  });
});
