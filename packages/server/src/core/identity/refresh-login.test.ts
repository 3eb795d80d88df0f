import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { createMember, ctxOfToken, HOUR, identityFor, logIn } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { authenticate, logout, purgeLogins, refreshLogin } from './index.ts';

const refused = { code: 'UNAUTHORIZED', message: 'The refresh token is not valid.' };

describe.each(ENGINES)('refresh tokens on %s', (engine) => {
  let h: Harness;
  let tenantId: string;
  const clock = new ManualClock();
  let services: ReturnType<typeof identityFor>;
  beforeAll(async () => {
    h = await openHarness({ engine });
    services = identityFor(h.db, clock);
    ({ tenantId } = await h.createTenant());
  }, 30_000);
  afterAll(() => h.close());

  const refresh = (refresh_token: string) => refreshLogin(services, { refresh_token });
  const show = (token: string) => authenticate(services, { kind: 'bearer', value: token });
  const newLogin = async () => logIn(services, await createMember(services, tenantId));

  it('give a new token of the same login and the next refresh token, until the login ends', async () => {
    const first = await newLogin();
    clock.advance(2 * HOUR);
    await expect(show(first.accessToken)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    const second = await refresh(first.refreshToken);
    const { accessToken, expiresAt, refreshToken, ...same } = second;
    const { accessToken: _, expiresAt: __, refreshToken: before, ...expected } = first;
    expect(same).toEqual(expected);
    expect(refreshToken).toMatch(/^hfr_[A-Za-z0-9_-]{43}$/);
    expect(refreshToken).not.toBe(before);
    expect(Date.parse(expiresAt)).toBe(clock.now() + HOUR);
    await expect(show(accessToken)).resolves.toMatchObject({ userId: first.user.id, tenantId });
    clock.advance(21.5 * HOUR);
    const last = await refresh(refreshToken);
    expect(last.expiresAt).toBe(last.refreshExpiresAt);
    clock.advance(0.5 * HOUR);
    await expect(refresh(last.refreshToken)).rejects.toMatchObject(refused);
  });

  it('give the same successor to who lost the answer, as long as that is unused', async () => {
    const { refreshToken } = await newLogin();
    const [one, two] = await Promise.all([refresh(refreshToken), refresh(refreshToken)]);
    expect(two.refreshToken).toBe(one.refreshToken);
    clock.advance(60_000);
    expect((await refresh(refreshToken)).refreshToken).toBe(one.refreshToken);
    await refresh(one.refreshToken);
  });

  it('end the whole login when an old one comes back too late', async () => {
    const { refreshToken } = await newLogin();
    const { accessToken, refreshToken: next } = await refresh(refreshToken);
    const { loginId } = await show(accessToken);
    clock.advance(60_001);
    await expect(refresh(refreshToken)).rejects.toMatchObject(refused);
    await expect(refresh(next)).rejects.toMatchObject(refused);
    await expect(show(accessToken)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    const mine = (await auditEntries(h.db, tenantId)).filter(({ targets }) => targets[0]?.id === loginId);
    expect(mine.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'login.succeeded success',
      'token.refreshed success',
      'token.refreshed denied',
      'login.revoked success',
    ]);
    expect(JSON.stringify(mine)).not.toContain(refreshToken);
    expect(JSON.stringify(mine)).not.toContain(next);
  });

  it('end the whole login when one comes back whose successor is used, however early', async () => {
    const stolen = (await newLogin()).refreshToken;
    const thief = await refresh(stolen);
    const owner = await refresh(stolen);
    expect(owner.refreshToken).toBe(thief.refreshToken);
    await refresh(thief.refreshToken);
    await expect(refresh(stolen)).rejects.toMatchObject(refused);
    await expect(show(owner.accessToken)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('of two uses at once make one successor', async () => {
    const { refreshToken } = await newLogin();
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(refreshToken)));
    expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
  });

  it('are refused after logout, after removal from the team, and once purged', async () => {
    const member = await createMember(services, tenantId);
    const [a, b] = [await logIn(services, member), await logIn(services, member)];
    await logout(await ctxOfToken(h, services, a.accessToken));
    await expect(refresh(a.refreshToken)).rejects.toMatchObject(refused);
    await h.db.kysely.deleteFrom('memberships').where('user_id', '=', member.userId).execute();
    await expect(refresh(b.refreshToken)).rejects.toMatchObject(refused);
    clock.advance(24 * HOUR);
    expect(await purgeLogins(services)).toBeGreaterThanOrEqual(2);
    await expect(refresh(b.refreshToken)).rejects.toMatchObject(refused);
  });

  it('are stored as hashes only', async () => {
    const { refreshToken } = await newLogin();
    const next = (await refresh(refreshToken)).refreshToken;
    const stored = JSON.stringify(await h.db.kysely.selectFrom('refresh_tokens').selectAll().execute());
    for (const token of [refreshToken, next]) expect(stored).not.toContain(token.slice(4));
  });

  it.each(['', 'x', 'hfr_', `hfr_${'a'.repeat(43)}`, 'hfr_\0', `hf_${'a'.repeat(43)}`, "' or '1'='1"])(
    'refuse garbage %#',
    async (token) => {
      await expect(refresh(token)).rejects.toMatchObject(token === '' ? { name: 'ZodError' } : refused);
    },
  );

  it('are no access tokens, and access tokens are no refresh tokens', async () => {
    const { accessToken, refreshToken } = await newLogin();
    await expect(show(refreshToken)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    const error = await refresh(accessToken).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ issues: [{ path: ['refresh_token'] }] });
  });
});
