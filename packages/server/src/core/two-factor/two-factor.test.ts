import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsFor, PASSWORD, type AccountHarness, type TestUser } from '../../../test/account-harness.ts';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { authenticate, challengeFor, login } from '../identity/index.ts';
import {
  disableTwoFactor,
  enableTwoFactor,
  getTwoFactor,
  purgeChallenges,
  regenerateBackupCodes,
  setUpTwoFactor,
  verifyTwoFactor,
} from './index.ts';

const CONFLICT = { code: 'RESOURCE_CONFLICT' };
const UNAUTHORIZED = { code: 'UNAUTHORIZED' };
const wrong = (field: string) => ({ code: 'VALIDATION_ERROR', extras: { errors: [{ field }] } });
const STEP_MS = 30_000;

describe.each(ENGINES)('P-01 second factor on %s', (engine) => {
  let h: Harness;
  let a: AccountHarness;
  beforeAll(async () => {
    h = await openHarness({ engine });
    a = accountsFor(h);
  }, 30_000);
  afterAll(() => h.close());

  /** The first step of a login: the token of its challenge. */
  async function challenge({ email }: Pick<TestUser, 'email'>, more: { tenant_id?: string } = {}) {
    const refused: unknown = await login(a.identity, { email, password: PASSWORD, ...more }).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({
      code: 'TWO_FACTOR_REQUIRED',
      extras: {
        details: {
          challenge_token: expect.stringMatching(/^tfc_[\w-]{43}$/),
          expires_at: new Date(a.clock.now() + 300_000).toISOString(),
          methods: ['totp', 'backup_code'],
        },
      },
    });
    return (refused as { extras: { details: { challenge_token: string } } }).extras.details.challenge_token;
  }
  const verify = (challenge_token: string, code: string) =>
    verifyTwoFactor(a.open, { challenge_token, code });
  const redeem = (challenge_token: string, backup_code: string) =>
    verifyTwoFactor(a.open, { challenge_token, backup_code });
  const wrongCode = (secret: string) => (a.codeOf(secret) === '000000' ? '000001' : '000000');
  const actionsOf = async ({ tenantId }: TestUser) =>
    (await auditEntries(h.db, tenantId))
      .map(({ action }) => action)
      .filter((action) => action !== 'login.succeeded');

  it('is enrolled: set up, enabled with a code, and asked for at the next login', async () => {
    const user = await a.createUser();
    const ctx = a.as(user);
    expect(await getTwoFactor(ctx)).toEqual({ enabled: false, enabled_at: null, backup_codes_left: 0 });
    const setup = await setUpTwoFactor(ctx);
    expect(setup).toEqual({
      secret: expect.stringMatching(/^[A-Z2-7]{32}$/),
      otpauth_uri: expect.stringContaining(`secret=${setup.secret}`),
      qr_svg: expect.stringMatching(/^<svg /),
    });
    expect(await login(a.identity, { email: user.email, password: PASSWORD })).toBeDefined();
    const { backup_codes: codes } = await enableTwoFactor(ctx, { code: a.codeOf(setup.secret) });
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/);
    expect(await getTwoFactor(ctx)).toEqual({
      enabled: true,
      enabled_at: new Date(a.clock.now()).toISOString(),
      backup_codes_left: 10,
    });
    await challenge(user);
    expect(await actionsOf(user)).toEqual(['two_factor.enabled']);
  });

  it('logs in with a code, to the team that the first step named', async () => {
    const { secret, ...user } = await a.createGuardedUser();
    const { tenantId } = await h.createTenant();
    await h.db.kysely
      .insertInto('memberships')
      .values({ tenant_id: tenantId, user_id: user.id, role: 'member' })
      .execute();
    const answer = await verify(await challenge(user), a.codeOf(secret));
    expect(answer).toMatchObject({ user: { id: user.id, email: user.email }, tenantId: user.tenantId });
    expect(await authenticate(a.identity, { kind: 'bearer', value: answer.accessToken })).toMatchObject({
      userId: user.id,
    });
    a.clock.advance(STEP_MS);
    const other = await verify(await challenge(user, { tenant_id: tenantId }), a.codeOf(secret));
    expect(other).toMatchObject({ tenantId });
    const succeeded = (await auditEntries(h.db, user.tenantId, 'login.succeeded')).at(-1);
    expect(succeeded!.context.details).toEqual({ method: 'totp' });
  });

  it('refuses a wrong code, and records it', async () => {
    const { secret, ...user } = await a.createGuardedUser();
    const token = await challenge(user);
    await expect(verify(token, wrongCode(secret))).rejects.toMatchObject(UNAUTHORIZED);
    expect(await verify(token, a.codeOf(secret))).toMatchObject({ user: { id: user.id } });
    const failed = await auditEntries(h.db, user.tenantId, 'two_factor.failed');
    expect(failed).toMatchObject([
      { actor: { id: 'anonymous' }, targets: [{ type: 'user', id: user.id }], outcome: 'failure' },
    ]);
  });

  it('takes codes of the step before and after, no others', async () => {
    const { secret, ...user } = await a.createGuardedUser();
    for (const steps of [-2, 2]) {
      await expect(verify(await challenge(user), a.codeOf(secret, steps))).rejects.toMatchObject(
        UNAUTHORIZED,
      );
    }
    a.clock.advance(STEP_MS);
    expect(await verify(await challenge(user), a.codeOf(secret, -1))).toBeDefined();
    expect(await verify(await challenge(user), a.codeOf(secret, 1))).toBeDefined();
  });

  it('refuses a code that was used, and every older one', async () => {
    const { secret, ...user } = await a.createGuardedUser();
    const code = a.codeOf(secret);
    expect(await verify(await challenge(user), code)).toBeDefined();
    await expect(verify(await challenge(user), code)).rejects.toMatchObject(UNAUTHORIZED);
    await expect(verify(await challenge(user), a.codeOf(secret, -1))).rejects.toMatchObject(UNAUTHORIZED);
  });

  it('refuses the code that enabled it', async () => {
    const user = await a.createUser();
    const { secret } = await setUpTwoFactor(a.as(user));
    const code = a.codeOf(secret);
    await enableTwoFactor(a.as(user), { code });
    await expect(verify(await challenge(user), code)).rejects.toMatchObject(UNAUTHORIZED);
  });

  it('takes one code once, also of 50 logins at the same time', async () => {
    const { secret, ...user } = await a.createGuardedUser();
    const tokens: string[] = [];
    for (let n = 0; n < 50; n += 1) {
      tokens.push((await challengeFor(a.identity, user.id))!.challenge_token);
    }
    const code = a.codeOf(secret);
    const logins = await Promise.allSettled(tokens.map((token) => verify(token, code)));
    expect(logins.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of logins) {
      if (each.status === 'rejected') expect(each.reason).toMatchObject(UNAUTHORIZED);
    }
  });

  it('logs in with a backup code, once, however it is typed', async () => {
    const { backupCodes, ...user } = await a.createGuardedUser();
    const typed = ` ${backupCodes[0]!.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'I')} `;
    expect(await redeem(await challenge(user), typed)).toMatchObject({ user: { id: user.id } });
    for (const again of [typed, backupCodes[0]!]) {
      await expect(redeem(await challenge(user), again)).rejects.toMatchObject(UNAUTHORIZED);
    }
    expect(await redeem(await challenge(user), backupCodes[1]!)).toMatchObject({ user: { id: user.id } });
    expect((await getTwoFactor(a.as(user))).backup_codes_left).toBe(8);
    const used = await auditEntries(h.db, user.tenantId, 'backup_code.used');
    expect(used).toMatchObject(
      Array(2).fill({ actor: { id: `user:${user.id}` }, targets: [{ id: user.id }] }),
    );
    expect(JSON.stringify(used)).not.toContain(backupCodes[0]);
  });

  it('takes a backup code once, also of 20 logins at the same time', async () => {
    const { backupCodes, ...user } = await a.createGuardedUser();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => challengeFor(a.identity, user.id)));
    const logins = await Promise.allSettled(
      tokens.map((each) => redeem(each!.challenge_token, backupCodes[0]!)),
    );
    expect(logins.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('takes no backup code of another user', async () => {
    const [user, other] = [await a.createGuardedUser(), await a.createGuardedUser()];
    await expect(redeem(await challenge(user), other.backupCodes[0]!)).rejects.toMatchObject(UNAUTHORIZED);
    expect((await getTwoFactor(a.as(other))).backup_codes_left).toBe(10);
  });

  it('replaces the backup codes against a code', async () => {
    const { backupCodes, secret, ...user } = await a.createGuardedUser();
    const refused = regenerateBackupCodes(a.as(user), { code: wrongCode(secret) });
    await expect(refused).rejects.toMatchObject(wrong('code'));
    const code = a.codeOf(secret);
    const { backup_codes: fresh } = await regenerateBackupCodes(a.as(user), { code });
    expect(fresh).toHaveLength(10);
    expect(fresh.filter((each) => backupCodes.includes(each))).toEqual([]);
    await expect(regenerateBackupCodes(a.as(user), { code })).rejects.toMatchObject(wrong('code'));
    await expect(redeem(await challenge(user), backupCodes[0]!)).rejects.toMatchObject(UNAUTHORIZED);
    expect(await redeem(await challenge(user), fresh[0]!)).toBeDefined();
    expect(await actionsOf(user)).toEqual([
      'two_factor.enabled',
      'two_factor.failed',
      'backup_codes.regenerated',
      'two_factor.failed',
      'two_factor.failed',
      'backup_code.used',
    ]);
  });

  it('is disabled with password and code', async () => {
    const { secret, ...user } = await a.createGuardedUser();
    const pending = await challenge(user);
    const disable = (password: string, code: string) => disableTwoFactor(a.as(user), { password, code });
    await expect(disable('wrong', a.codeOf(secret))).rejects.toMatchObject(wrong('password'));
    await expect(disable(PASSWORD, wrongCode(secret))).rejects.toMatchObject(wrong('code'));
    expect((await getTwoFactor(a.as(user))).enabled).toBe(true);
    const code = a.codeOf(secret);
    expect(await disable(PASSWORD, code)).toEqual({ enabled: false, enabled_at: null, backup_codes_left: 0 });
    expect(await login(a.identity, { email: user.email, password: PASSWORD })).toBeDefined();
    await expect(verify(pending, code)).rejects.toMatchObject(UNAUTHORIZED);
    await expect(disable(PASSWORD, code)).rejects.toMatchObject(CONFLICT);
    expect(await actionsOf(user)).toEqual(['two_factor.enabled', 'two_factor.failed', 'two_factor.disabled']);
    const left = await Promise.all([
      h.db.kysely.selectFrom('two_factors').selectAll().where('user_id', '=', user.id).execute(),
      h.db.kysely.selectFrom('backup_codes').selectAll().where('user_id', '=', user.id).execute(),
    ]);
    expect(left).toEqual([[], []]);
  });

  it('is disabled with a backup code by who lost the app, and set up anew', async () => {
    const { secret, backupCodes, ...user } = await a.createGuardedUser();
    const [first, second] = backupCodes;
    await redeem(await challenge(user), first!);
    const disable = (backup_code: string) =>
      disableTwoFactor(a.as(user), { password: PASSWORD, backup_code });
    await expect(disable(first!)).rejects.toMatchObject(wrong('backup_code'));
    await disable(second!);
    const fresh = await setUpTwoFactor(a.as(user));
    const enable = (code: string) => enableTwoFactor(a.as(user), { code });
    await expect(enable(a.codeOf(secret))).rejects.toMatchObject(wrong('code'));
    await enable(a.codeOf(fresh.secret));
    await expect(redeem(await challenge(user), backupCodes[2]!)).rejects.toMatchObject(UNAUTHORIZED);
  });

  it('has one secret at a time: the last that was set up, and none anew while enabled', async () => {
    const user = await a.createUser();
    const ctx = a.as(user);
    await expect(enableTwoFactor(ctx, { code: '000000' })).rejects.toMatchObject(CONFLICT);
    const first = await setUpTwoFactor(ctx);
    const second = await setUpTwoFactor(ctx);
    await expect(enableTwoFactor(ctx, { code: a.codeOf(first.secret) })).rejects.toMatchObject(wrong('code'));
    await enableTwoFactor(ctx, { code: a.codeOf(second.secret) });
    await expect(setUpTwoFactor(ctx)).rejects.toMatchObject(CONFLICT);
    await expect(enableTwoFactor(ctx, { code: a.codeOf(second.secret, 1) })).rejects.toMatchObject(CONFLICT);
    await challenge(user);
  });

  it('is enabled once, also by many requests at the same time', async () => {
    const user = await a.createUser();
    const { secret } = await setUpTwoFactor(a.as(user));
    const code = a.codeOf(secret);
    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, () => enableTwoFactor(a.as(user), { code })),
    );
    const won = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(won).toHaveLength(1);
    expect(await redeem(await challenge(user), won[0]!.backup_codes[0]!)).toBeDefined();
  });

  it('stores secret, challenge and backup codes encrypted or hashed', async () => {
    const { secret, backupCodes, ...user } = await a.createGuardedUser();
    const token = await challenge(user);
    const rows = await Promise.all([
      h.db.kysely.selectFrom('two_factors').selectAll().where('user_id', '=', user.id).execute(),
      h.db.kysely.selectFrom('backup_codes').selectAll().where('user_id', '=', user.id).execute(),
      h.db.kysely.selectFrom('two_factor_challenges').selectAll().where('user_id', '=', user.id).execute(),
      auditEntries(h.db, user.tenantId),
    ]);
    expect(rows.slice(0, 3).map((found) => found.length)).toEqual([1, 10, 1]);
    const stored = JSON.stringify(rows).toLowerCase();
    for (const clear of [
      secret,
      token,
      ...backupCodes,
      ...backupCodes.map((each) => each.replaceAll('-', '')),
    ]) {
      expect(stored).not.toContain(clear.toLowerCase());
    }
  });

  it('a challenge ends after five minutes, and after the login it was for', async () => {
    const { secret, ...user } = await a.createGuardedUser();
    const [late, used] = [await challenge(user), await challenge(user)];
    await verify(used, a.codeOf(secret));
    a.clock.advance(STEP_MS);
    await expect(verify(used, a.codeOf(secret))).rejects.toMatchObject(UNAUTHORIZED);
    a.clock.advance(300_000 - STEP_MS);
    await expect(verify(late, a.codeOf(secret))).rejects.toMatchObject(UNAUTHORIZED);
    await purgeChallenges(a.open);
    const left = h.db.kysely.selectFrom('two_factor_challenges').selectAll().where('user_id', '=', user.id);
    expect(await left.execute()).toEqual([]);
  });

  it('a challenge is bound to its user', async () => {
    const [user, other] = [await a.createGuardedUser(), await a.createGuardedUser()];
    await expect(verify(await challenge(user), a.codeOf(other.secret))).rejects.toMatchObject(UNAUTHORIZED);
    expect(await verify(await challenge(other), a.codeOf(other.secret))).toMatchObject({
      user: { id: other.id },
    });
  });

  it('a challenge is no access token', async () => {
    const user = await a.createGuardedUser();
    const value = await challenge(user);
    for (const kind of ['bearer', 'api_key'] as const) {
      await expect(authenticate(a.identity, { kind, value })).rejects.toMatchObject(UNAUTHORIZED);
    }
  });

  it('needs a proven address: who registered another’s cannot lock them out of it', async () => {
    const user = await a.createUser({ verified: false });
    await expect(setUpTwoFactor(a.as(user))).rejects.toMatchObject({ code: 'EMAIL_NOT_VERIFIED' });
  });

  it('is for a user who is logged in: no key, no service, no guest', async () => {
    const { secret, ...user } = await a.createGuardedUser();
    const ctx = a.as(user);
    for (const kind of ['api_key', 'service', 'guest'] as const) {
      const weak = { ...ctx, principal: { ...ctx.principal, kind } };
      const code = a.codeOf(secret);
      const calls = [
        () => getTwoFactor(weak),
        () => setUpTwoFactor(weak),
        () => enableTwoFactor(weak, { code }),
        () => disableTwoFactor(weak, { password: PASSWORD, code }),
        () => regenerateBackupCodes(weak, { code }),
      ];
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    expect((await getTwoFactor(ctx)).enabled).toBe(true);
  });

  it.each([
    ['challenge_token', { challenge_token: 'hf_abc', code: '123456' }],
    ['challenge_token', { challenge_token: `tfc_${'x'.repeat(44)}`, code: '123456' }],
    ['code', { code: '12345' }],
    ['code', { code: '1234567' }],
    ['code', { code: 123456 }],
    ['code', { code: '１２３４５６' }],
    ['code', { code: { $ne: null } }],
    ['code', {}],
    ['code', { code: '123456', backup_code: '0000-0000-0000-0000' }],
    ['backup_code', { backup_code: '0000-0000' }],
    ['backup_code', { backup_code: `${'0'.repeat(16)}${'-'.repeat(30)}` }],
    ['', { code: '123456', user_id: 'me' }],
  ])('names the bad field %s', async (field, input) => {
    const whole = { challenge_token: `tfc_${'x'.repeat(43)}`, ...input };
    await expect(verifyTwoFactor(a.open, whole as never)).rejects.toMatchObject({
      issues: [{ path: field === '' ? [] : [field] }],
    });
  });
});
