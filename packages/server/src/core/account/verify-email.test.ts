import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsFor, mailsTo, PASSWORD, type AccountHarness } from '../../../test/account-harness.ts';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { HOUR } from '../../../test/identity-harness.ts';
import { login } from '../identity/index.ts';
import { purgeLinks, requestPasswordReset, resendVerification, verifyEmail } from './index.ts';

const EXPIRED = { code: 'LINK_EXPIRED' };

describe.each(ENGINES)('verification of an address on %s', (engine) => {
  let h: Harness;
  let a: AccountHarness;
  beforeAll(async () => {
    h = await openHarness({ engine });
    a = accountsFor(h);
  }, 30_000);
  afterAll(() => h.close());

  const verify = (token: string) => verifyEmail(a.open, { token });
  const isVerified = async (id: string) =>
    (
      await h.db.kysely
        .selectFrom('users')
        .select('email_verified')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
    ).email_verified;
  const tokensOf = async (email: string) =>
    (await mailsTo(h, email)).map(({ variables }) => variables.token!);
  async function createUnverified() {
    const user = await a.createUser({ verified: false });
    await resendVerification(a.open, { email: user.email });
    const [token] = await tokensOf(user.email);
    return { ...user, token: token! };
  }

  it('takes the mailed token, once', async () => {
    const { id, email, tenantId, token } = await createUnverified();
    expect(await verify(token)).toEqual({ email, email_verified: true });
    expect(await isVerified(id)).toBe(true);
    await expect(verify(token)).rejects.toMatchObject(EXPIRED);
    const entries = await auditEntries(h.db, tenantId, 'email.verified');
    expect(entries).toMatchObject([
      { actor: { id: `user:${id}` }, targets: [{ type: 'user', id }], outcome: 'success' },
    ]);
  });

  it('takes a token once, also of 50 uses at the same time', async () => {
    const { token, tenantId } = await createUnverified();
    const uses = await Promise.allSettled(Array.from({ length: 50 }, () => verify(token)));
    expect(uses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const use of uses) if (use.status === 'rejected') expect(use.reason).toMatchObject(EXPIRED);
    expect(await auditEntries(h.db, tenantId, 'email.verified')).toHaveLength(1);
  });

  it('uses every earlier link up with the one that was taken', async () => {
    const { email, token } = await createUnverified();
    await resendVerification(a.open, { email });
    const [, second] = await tokensOf(email);
    await verify(second!);
    await expect(verify(token)).rejects.toMatchObject(EXPIRED);
  });

  it('ends after 24 hours', async () => {
    const [late, inTime] = [await createUnverified(), await createUnverified()];
    a.clock.advance(24 * HOUR - 1);
    expect(await verify(inTime.token)).toMatchObject({ email_verified: true });
    a.clock.advance(1);
    await expect(verify(late.token)).rejects.toMatchObject(EXPIRED);
    expect(await isVerified(late.id)).toBe(false);
  });

  it('answers for an unknown token as for a used one', async () => {
    await expect(verify(randomBytes(32).toString('base64url'))).rejects.toMatchObject(EXPIRED);
  });

  it('takes no token of a password reset', async () => {
    const { id, email } = await createUnverified();
    await requestPasswordReset(a.open, { email });
    const [, reset] = await tokensOf(email);
    await expect(verify(reset!)).rejects.toMatchObject(EXPIRED);
    expect(await isVerified(id)).toBe(false);
  });

  it.each(['', 'short', 'x'.repeat(44), `${'x'.repeat(42)}!`, `${'x'.repeat(42)}\n`, ["' or 1=1"], null])(
    'refuses %j as no token at all',
    async (token) => {
      await expect(verify(token as string)).rejects.toMatchObject({ issues: [{ path: ['token'] }] });
    },
  );

  it('mails nothing to an address that is unknown or proven already, and says nothing of it', async () => {
    const { email } = await a.createUser();
    const unknown = `${randomUUID()}@example.com`;
    const answers = await Promise.all([
      resendVerification(a.open, { email }),
      resendVerification(a.open, { email: unknown }),
      resendVerification(a.open, { email: (await createUnverified()).email }),
    ]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect([...(await mailsTo(h, email)), ...(await mailsTo(h, unknown))]).toEqual([]);
  });

  it('is needed for a login where the server asks for it, and told only to who knows the password', async () => {
    const { email } = await a.createUser({ verified: false });
    const strict = accountsFor(h, { requireVerifiedEmail: true });
    const tryLogin = (password: string) => login(strict.identity, { email, password });
    await expect(tryLogin(PASSWORD)).rejects.toMatchObject({ code: 'EMAIL_NOT_VERIFIED' });
    await expect(tryLogin('wrong')).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await login(a.identity, { email, password: PASSWORD })).toMatchObject({ user: { email } });
    await resendVerification(strict.open, { email });
    await verifyEmail(strict.open, { token: (await tokensOf(email))[0]! });
    expect(await tryLogin(PASSWORD)).toMatchObject({ user: { email } });
  });

  it('forgets links that have expired', async () => {
    const { id } = await createUnverified();
    const left = async () =>
      (await h.db.kysely.selectFrom('account_tokens').select('user_id').where('user_id', '=', id).execute())
        .length;
    await purgeLinks(a.open);
    expect(await left()).toBe(1);
    a.clock.advance(24 * HOUR);
    expect(await purgeLinks(a.open)).toBeGreaterThan(0);
    expect(await left()).toBe(0);
  });
});
