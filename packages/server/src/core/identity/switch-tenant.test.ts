import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { createMember, ctxOfToken, identityFor, logIn } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { authenticate, logout, refreshLogin, switchTenant } from './index.ts';

describe.each(ENGINES)('logins of a user in two teams on %s', (engine) => {
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
  const ctxFor = (login: { accessToken: string }) => ctxOfToken(h, services, login.accessToken);
  const inTwo = async () => {
    const member = await createMember(services, tenantId, 'read_only');
    const login = await logIn(services, member);
    clock.advance(1000);
    const second = (await h.createTenant()).tenantId;
    await h.db.kysely
      .insertInto('memberships')
      .values({ tenant_id: second, user_id: member.userId, role: 'owner' })
      .execute();
    return { member, login, second };
  };

  it('begin in the first, or in the one asked for', async () => {
    const { member, second } = await inTwo();
    expect((await logIn(services, member)).tenantId).toBe(tenantId);
    const chosen = await logIn(services, member, { tenant_id: second });
    expect(chosen.tenantId).toBe(second);
    expect([...(await show(chosen.accessToken)).scopes]).toContain('admin');
    const elsewhere = (await h.createTenant()).tenantId;
    for (const tenant_id of [elsewhere, randomUUID()]) {
      await expect(logIn(services, member, { tenant_id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
  });

  it('go on in the other with the same login, no longer than before', async () => {
    const { login, second } = await inTwo();
    const ctx = await ctxFor(login);
    clock.advance(1000);
    const switched = await switchTenant(ctx, { tenant_id: second });
    expect(switched).toEqual({
      accessToken: expect.any(String),
      expiresAt: login.expiresAt,
      user: login.user,
      tenantId: second,
      tenantName: 'Test',
    });
    const principal = await show(switched.accessToken);
    expect(principal).toMatchObject({ tenantId: second, loginId: ctx.principal.loginId });
    expect((await refreshLogin(services, { refresh_token: login.refreshToken })).tenantId).toBe(second);
    const actions = (await auditEntries(h.db, second)).map(({ action }) => action);
    expect(actions).toEqual(['login.succeeded', 'token.refreshed']);
    await logout({ ...ctx, principal });
    for (const { accessToken } of [login, switched]) {
      await expect(show(accessToken)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    }
  });

  it('do not reach a team the user is not in', async () => {
    const { login } = await inTwo();
    const ctx = await ctxFor(login);
    const elsewhere = (await h.createTenant()).tenantId;
    for (const tenant_id of [elsewhere, randomUUID()]) {
      await expect(switchTenant(ctx, { tenant_id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    await show(login.accessToken);
  });
});
