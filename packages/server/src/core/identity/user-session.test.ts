import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { createMember, ctxOf, ctxOfToken, HOUR, identityFor, logIn } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import {
  authenticate,
  findEnded,
  issueLogin,
  listLogins,
  logout,
  purgeLogins,
  revokeLogin,
  revokeOtherLogins,
  revokeUserLogins,
  switchTenant,
} from './index.ts';

const PAGE = { limit: 20 };
const CLIENT = { ip: '203.0.113.7', userAgent: 'Test/1' };

describe.each(ENGINES)('logins on %s', (engine) => {
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

  const show = (token: string) => authenticate(services, { kind: 'bearer', value: token });
  const refused = { code: 'UNAUTHORIZED' };
  const ctxFor = (login: { accessToken: string }) => ctxOfToken(h, services, login.accessToken);
  /** One member with so many logins, oldest first. */
  const setUp = async (count: number) => {
    const member = await createMember(services, tenantId, 'read_only');
    const logins = [];
    for (let n = 0; n < count; n += 1) {
      logins.push(await logIn(services, member, { client: CLIENT }));
      clock.advance(1000);
    }
    return { member, logins };
  };
  const actionsOf = async (loginId: string, tenant = tenantId) =>
    (await auditEntries(h.db, tenant))
      .filter(({ targets }) => targets.some(({ id }) => id === loginId))
      .map(({ action }) => action);

  it('are listed to their user alone, with where they are and which is this one', async () => {
    const { logins } = await setUp(2);
    await setUp(1);
    const ctx = await ctxFor(logins[0]!);
    const { items, total } = await listLogins(ctx, PAGE);
    expect(items.map(({ current }) => current)).toEqual([false, true]);
    expect(total).toBe(2);
    expect(items[1]).toEqual({
      id: ctx.principal.loginId,
      tenant_id: tenantId,
      ip: CLIENT.ip,
      user_agent: CLIENT.userAgent,
      created_at: expect.any(String),
      last_seen_at: expect.any(String),
      expires_at: logins[0]!.refreshExpiresAt,
      current: true,
    });
    const pages = [];
    for (let after: string | undefined, page = 0; page < 2; page += 1) {
      const answer = await listLogins(ctx, { limit: 1, after });
      pages.push(...answer.items);
      after = answer.next_cursor ?? undefined;
    }
    expect(pages).toEqual(items);
  });

  it('end at once by logout, and only this one', async () => {
    const { logins } = await setUp(2);
    const ctx = await ctxFor(logins[0]!);
    await logout(ctx);
    await expect(show(logins[0]!.accessToken)).rejects.toMatchObject(refused);
    await show(logins[1]!.accessToken);
    await logout(ctx);
    expect(await actionsOf(ctx.principal.loginId!)).toEqual(['login.succeeded', 'logout']);
  });

  it('are revoked one by one', async () => {
    const { logins } = await setUp(2);
    const ctx = await ctxFor(logins[0]!);
    const { loginId } = await show(logins[1]!.accessToken);
    await revokeLogin(ctx, loginId!);
    await expect(show(logins[1]!.accessToken)).rejects.toMatchObject(refused);
    await show(logins[0]!.accessToken);
    expect(await actionsOf(loginId!)).toEqual(['login.succeeded', 'login.revoked']);
    await expect(revokeLogin(ctx, loginId!)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await listLogins(ctx, PAGE)).items).toHaveLength(1);
  });

  it("of others look like unknown ones: a colleague's, another tenant's, none at all", async () => {
    const { logins } = await setUp(1);
    const colleague = await setUp(1);
    const foreign = await createMember(services, (await h.createTenant()).tenantId);
    const ctx = await ctxFor(logins[0]!);
    const ids = [
      (await show(colleague.logins[0]!.accessToken)).loginId!,
      (await show((await logIn(services, foreign)).accessToken)).loginId!,
      randomUUID(),
      'x',
      "' or 1=1",
    ];
    for (const id of ids) await expect(revokeLogin(ctx, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await show(colleague.logins[0]!.accessToken);
  });

  it('are revoked all but this one', async () => {
    const { logins } = await setUp(3);
    const ctx = await ctxFor(logins[1]!);
    expect(await revokeOtherLogins(ctx)).toEqual({ revoked: 2 });
    expect(await revokeOtherLogins(ctx)).toEqual({ revoked: 0 });
    await show(logins[1]!.accessToken);
    for (const n of [0, 2]) await expect(show(logins[n]!.accessToken)).rejects.toMatchObject(refused);
  });

  it('are revoked all together in the transaction of whoever asks', async () => {
    const { member, logins } = await setUp(2);
    const now = new Date(clock.now());
    const failed = h.db.transaction(async (tx) => {
      await revokeUserLogins(tx, member.userId, { now });
      throw new Error('later');
    });
    await expect(failed).rejects.toThrow('later');
    await show(logins[0]!.accessToken);
    expect(await h.db.transaction((tx) => revokeUserLogins(tx, member.userId, { now }))).toBe(2);
    for (const { accessToken } of logins) await expect(show(accessToken)).rejects.toMatchObject(refused);
  });

  it('are nothing that an API key has', async () => {
    const ctx = { ...ctxOf(h, services, { tenantId }), tokens: services.tokens };
    const forbidden = { code: 'FORBIDDEN' };
    await expect(logout(ctx)).rejects.toMatchObject(forbidden);
    await expect(listLogins(ctx, PAGE)).rejects.toMatchObject(forbidden);
    await expect(revokeLogin(ctx, randomUUID())).rejects.toMatchObject(forbidden);
    await expect(revokeOtherLogins(ctx)).rejects.toMatchObject(forbidden);
    await expect(switchTenant(ctx, { tenant_id: tenantId })).rejects.toMatchObject(forbidden);
  });

  it('are forgotten once they ended, with their refresh tokens', async () => {
    const { logins } = await setUp(3);
    const ids = await Promise.all(logins.map(async (login) => (await ctxFor(login)).principal.loginId!));
    await revokeLogin(await ctxFor(logins[2]!), ids[0]!);
    clock.advance(1000);
    await purgeLogins(services);
    const left = async (table: 'user_sessions' | 'refresh_tokens') =>
      (
        await h.db.kysely
          .selectFrom(table)
          .select('created_at')
          .where(table === 'user_sessions' ? 'user_sessions.id' : 'refresh_tokens.login_id', 'in', ids)
          .execute()
      ).length;
    expect([await left('user_sessions'), await left('refresh_tokens')]).toEqual([2, 2]);
    clock.advance(24 * HOUR);
    await purgeLogins(services);
    expect([await left('user_sessions'), await left('refresh_tokens')]).toEqual([0, 0]);
  });

  it('that ended are found among those who were let in earlier', async () => {
    const { member, logins } = await setUp(3);
    const [a, b, c] = await Promise.all(logins.map((login) => show(login.accessToken)));
    const key = { ...ctxOf(h, services, { tenantId }).principal, actor: `key:${randomUUID()}` };
    expect(await findEnded(services, [a!, b!, c!])).toEqual(new Set());
    await logout(await ctxFor(logins[1]!));
    expect(await findEnded(services, [a!, b!, c!, key])).toEqual(new Set([b, key]));
    await h.db.kysely.deleteFrom('memberships').where('user_id', '=', member.userId).execute();
    expect(await findEnded(services, [a!, c!])).toEqual(new Set([a, c]));
  });

  it('made for a user whose factors were checked are like any other', async () => {
    const { member } = await setUp(1);
    const login = await issueLogin(services, { userId: member.userId, client: CLIENT, method: 'totp' });
    const { loginId } = await show(login.accessToken);
    const [entry] = (await auditEntries(h.db, tenantId)).filter(({ targets }) => targets[0]?.id === loginId);
    expect(entry).toMatchObject({
      action: 'login.succeeded',
      actor: { id: `user:${member.userId}` },
      context: { details: { method: 'totp' } },
    });
  });
});
