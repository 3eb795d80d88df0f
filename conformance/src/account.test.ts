import {
  backupCodesSchema,
  loginReplySchema,
  passwordChangedSchema,
  twoFactorChallengeSchema,
  twoFactorSetupSchema,
  twoFactorStatusSchema,
  verifiedEmailSchema,
} from '@holdfast/protocol';
import { createClient, HoldfastError } from '@holdfast/sdk';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  AUTH,
  logIn,
  mailedToken,
  mailsOf,
  newEmail,
  PASSWORD,
  postOpen,
  register,
  registerVerified,
  type Registered,
} from './support/account.ts';
import { V1 } from './support/api.ts';
import { dataOf, errorOf, fieldsOf } from './support/expect.ts';
import { get, post } from './support/http.ts';
import { target } from './support/target.ts';
import { totpCode } from './support/totp.ts';

const NEW = 'another password 8';
const projects = (token: string) => get(`${V1}/projects`, { token });

describe.skipIf(!target.openToRegistration)('accounts', () => {
  it('registers a user with a team of their own', async () => {
    const { email, login } = await register();
    expect(login.user).toMatchObject({ email, name: 'Ann' });
    expect(login.tenantName).toBe('Ann');
    const listed = z.object({ data: z.array(z.object({ name: z.string() })) });
    expect(listed.parse((await projects(login.accessToken)).json).data).toMatchObject([{ name: 'Ann' }]);
  });

  it('answers for a taken address as for a free one, and changes nothing', async () => {
    const { email, login } = await register();
    const again = { name: 'Mallory', email, password: NEW };
    const [taken, free] = await Promise.all([
      postOpen('/register', again),
      postOpen('/register', { ...again, email: newEmail() }),
    ]);
    expect([taken.status, taken.text]).toEqual([202, free.text]);
    errorOf(await logIn(email, NEW), 401, 'UNAUTHORIZED');
    expect(await mailsOf(login.accessToken, 'address_taken')).toHaveLength(1);
  });

  it('mass assignment: refuses fields that are not the caller’s to set', async () => {
    const body = { name: 'Ann', email: newEmail(), password: PASSWORD };
    const extra = { role: 'owner', tenant_id: crypto.randomUUID(), email_verified: true };
    expect(fieldsOf(await postOpen('/register', { ...body, ...extra }))).toEqual(Object.keys(extra).sort());
    errorOf(await logIn(body.email), 401, 'UNAUTHORIZED');
  });

  it.each(['__proto__', 'constructor'])('prototype pollution: refuses %s', async (key) => {
    const text = JSON.stringify({ name: 'Ann', email: newEmail(), password: PASSWORD }).slice(0, -1);
    const raw = `${text},"${key}":{"prototype":{"email_verified":true}}}`;
    const headers = { 'content-type': 'application/json' };
    errorOf(await post(`${AUTH}/register`, undefined, { raw, headers, token: null }), 400);
  });

  it.each([
    ['short77', 'password'],
    ['password1', 'password'],
  ])('refuses the password %s', async (password, field) => {
    expect(fieldsOf(await postOpen('/register', { name: 'Ann', email: newEmail(), password }))).toEqual([
      field,
    ]);
  });

  it('proves an address with the mailed token, once', async () => {
    const { email, login } = await register();
    const token = await mailedToken(login.accessToken, 'verify_email');
    const proven = dataOf(await postOpen('/verify-email', { token }), verifiedEmailSchema);
    expect(proven).toEqual({ email, email_verified: true });
    errorOf(await postOpen('/verify-email', { token }), 410, 'LINK_EXPIRED');
    expect(fieldsOf(await postOpen('/verify-email', { token: `${token}x` }))).toEqual(['token']);
  });

  it('host header poisoning: links do not begin with what the request says', async () => {
    const { email, login } = await register();
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example' };
    expect((await postOpen('/password-reset', { email }, headers)).status).toBe(202);
    const [mail] = await mailsOf(login.accessToken, 'password_reset');
    expect(mail).toContain('#token=');
    expect(mail).not.toContain('evil');
  });

  it('sets a new password with a mailed token; old password, logins and links end', async () => {
    const { email, login } = await register();
    await postOpen('/password-reset', { email });
    const first = await mailedToken(login.accessToken, 'password_reset');
    const known = await postOpen('/password-reset', { email });
    const unknown = await postOpen('/password-reset', { email: newEmail() });
    expect([known.status, unknown.status, unknown.text]).toEqual([202, 202, known.text]);
    const token = await mailedToken(login.accessToken, 'password_reset');
    expect(token).not.toBe(first);
    const changed = dataOf(
      await postOpen('/password-reset/confirm', { token, password: NEW }),
      passwordChangedSchema,
    );
    expect(changed).toEqual({ revoked_logins: 1 });
    errorOf(await projects(login.accessToken), 401, 'UNAUTHORIZED');
    errorOf(await postOpen('/refresh', { refresh_token: login.refreshToken }), 401, 'UNAUTHORIZED');
    errorOf(await logIn(email), 401, 'UNAUTHORIZED');
    for (const used of [first, token]) {
      errorOf(
        await postOpen('/password-reset/confirm', { token: used, password: PASSWORD }),
        410,
        'LINK_EXPIRED',
      );
    }
    const fresh = dataOf(await logIn(email, NEW), loginReplySchema);
    expect(await mailsOf(fresh.accessToken, 'password_changed')).toHaveLength(1);
  });

  it('takes one of 20 parallel uses of a reset token', async () => {
    const { email, login } = await register();
    await postOpen('/password-reset', { email });
    const token = await mailedToken(login.accessToken, 'password_reset');
    const uses = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        postOpen('/password-reset/confirm', { token, password: `parallel password ${n}` }),
      ),
    );
    const won = uses.flatMap(({ status }, n) => (status === 200 ? [n] : []));
    expect(won).toHaveLength(1);
    expect(uses.filter(({ status }) => status === 410)).toHaveLength(19);
    expect((await logIn(email, `parallel password ${won[0]}`)).status).toBe(200);
  });

  it('changes the password against the current one; other logins end', async () => {
    const { email, login } = await register();
    const other = dataOf(await logIn(email), loginReplySchema);
    const change = (current_password: string) =>
      post(`${AUTH}/password`, { current_password, new_password: NEW }, { token: login.accessToken });
    expect(fieldsOf(await change('wrong'))).toEqual(['current_password']);
    expect(dataOf(await change(PASSWORD), passwordChangedSchema)).toEqual({ revoked_logins: 1 });
    errorOf(await projects(other.accessToken), 401, 'UNAUTHORIZED');
    expect((await projects(login.accessToken)).status).toBe(200);
    errorOf(await post(`${AUTH}/password`, { current_password: NEW, new_password: PASSWORD }), 401);
  });
});

describe.skipIf(!target.openToRegistration)('P-01 second factor', () => {
  async function enrol(): Promise<Registered & { secret: string; code: string; backupCodes: string[] }> {
    const user = await registerVerified();
    const token = user.login.accessToken;
    const setup = dataOf(await post(`${AUTH}/2fa/setup`, {}, { token }), twoFactorSetupSchema);
    const code = totpCode(setup.secret);
    const enabled = dataOf(await post(`${AUTH}/2fa/enable`, { code }, { token }), backupCodesSchema);
    return { ...user, code, secret: setup.secret, backupCodes: enabled.backup_codes };
  }
  async function challenge(email: string): Promise<string> {
    const { details } = errorOf(await logIn(email), 401, 'TWO_FACTOR_REQUIRED');
    return z.strictObject(twoFactorChallengeSchema.shape).parse(details).challenge_token;
  }
  const status = async (token: string) => dataOf(await get(`${AUTH}/2fa`, { token }), twoFactorStatusSchema);

  it('needs a proven address', async () => {
    const { accessToken: token } = (await register()).login;
    errorOf(await post(`${AUTH}/2fa/setup`, {}, { token }), 403, 'EMAIL_NOT_VERIFIED');
  });

  it('is enrolled, logs in with a code, refuses wrong and used ones', async () => {
    const { email, secret, code: enabling, login } = await enrol();
    expect(await status(login.accessToken)).toMatchObject({ enabled: true, backup_codes_left: 10 });
    const challenge_token = await challenge(email);
    errorOf(await projects(challenge_token), 401, 'UNAUTHORIZED');
    const verify = (code: string) => postOpen('/2fa/verify', { challenge_token, code });
    errorOf(await verify(enabling), 401, 'UNAUTHORIZED');
    errorOf(await verify(totpCode(secret, 20)), 401, 'UNAUTHORIZED');
    const code = totpCode(secret, 1);
    const { accessToken } = dataOf(await verify(code), z.strictObject(loginReplySchema.shape));
    expect((await projects(accessToken)).status).toBe(200);
    errorOf(await verify(code), 401, 'UNAUTHORIZED');
    errorOf(await postOpen('/2fa/verify', { challenge_token: await challenge(email), code }), 401);
  });

  it('takes a backup code once, and is disabled with password and code', async () => {
    const { email, backupCodes, login } = await enrol();
    const token = login.accessToken;
    const [first, second] = backupCodes;
    const redeem = async (backup_code = '') =>
      postOpen('/2fa/verify', { challenge_token: await challenge(email), backup_code });
    dataOf(await redeem(first), loginReplySchema);
    errorOf(await redeem(first), 401, 'UNAUTHORIZED');
    expect((await status(token)).backup_codes_left).toBe(9);
    const disable = (password: string) =>
      post(`${AUTH}/2fa/disable`, { password, backup_code: second }, { token });
    expect(fieldsOf(await disable('wrong'))).toEqual(['password']);
    expect(dataOf(await disable(PASSWORD), twoFactorStatusSchema).enabled).toBe(false);
    expect((await logIn(email)).status).toBe(200);
  });

  it('works through the SDK', async () => {
    const open = createClient({ baseUrl: target.url });
    const email = newEmail();
    await open.account.register({ name: 'Ann', email, password: PASSWORD, team_name: 'Harbour' });
    const { accessToken: token } = await open.auth.login({ email, password: PASSWORD });
    await open.account.verifyEmail({ token: await mailedToken(token, 'verify_email') });
    const own = createClient({ baseUrl: target.url, token });
    const { secret } = await own.twoFactor.setUp();
    await own.twoFactor.enable({ code: totpCode(secret) });
    const refused: unknown = await open.auth
      .login({ email, password: PASSWORD })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(HoldfastError);
    expect((refused as HoldfastError).code).toBe('TWO_FACTOR_REQUIRED');
    const { challenge_token } = twoFactorChallengeSchema.parse((refused as HoldfastError).details);
    const login = await open.twoFactor.verify({ challenge_token, code: totpCode(secret, 1) });
    expect(login.tenantName).toBe('Harbour');
    expect((await own.twoFactor.get()).enabled).toBe(true);
  });
});
