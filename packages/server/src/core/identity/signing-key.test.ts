import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { createMember, ctxOf, ctxOfToken, HOUR, identityFor, logIn } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { systemClock } from '../../infra/clock/system-clock.ts';
import { authenticate, listSigningKeys, rotateSigningKey, type MemberRole } from './index.ts';

const kidOf = (token: string): unknown =>
  (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid?: unknown }).kid;

describe.each(ENGINES)('signing keys on %s', (engine) => {
  let h: Harness;
  let home: string;
  const clock = new ManualClock();
  let services: ReturnType<typeof identityFor>;
  beforeAll(async () => {
    h = await openHarness({ engine });
    services = identityFor(h.db, clock);
    home = (await h.createTenant()).tenantId;
    await h.db.kysely.updateTable('tenants').set({ is_home: false }).where('is_home', '=', true).execute();
    await h.db.kysely.updateTable('tenants').set({ is_home: true }).where('id', '=', home).execute();
  }, 30_000);
  afterAll(async () => {
    await h.db.kysely.updateTable('tenants').set({ is_home: false }).where('id', '=', home).execute();
    await h.close();
  });

  const show = (token: string, on = services) => authenticate(on, { kind: 'bearer', value: token });
  const logInAs = async (role: MemberRole, tenantId = home, on = services) =>
    (await logIn(on, await createMember(on, tenantId, role))).accessToken;
  const ctxAs = async (role: MemberRole, tenantId = home) =>
    ctxOfToken(h, services, await logInAs(role, tenantId));

  it('rotate without ending a token, and retire when the last token of the old key has', async () => {
    const ctx = await ctxAs('owner');
    const old = await logInAs('member');
    const made = await rotateSigningKey(ctx, {});
    expect(made).toEqual({
      kid: made.kid,
      status: 'active',
      created_at: new Date(clock.now()).toISOString(),
      created_by: ctx.principal.actor,
      retires_at: null,
    });
    const young = await logInAs('member');
    expect([kidOf(old), kidOf(young)]).toEqual([expect.any(String), made.kid]);
    expect(kidOf(old)).not.toBe(made.kid);
    await Promise.all([show(old), show(young)]);
    const [newest, before] = await listSigningKeys(ctx);
    expect(newest).toEqual(made);
    expect(before).toMatchObject({
      kid: kidOf(old),
      status: 'verify_only',
      retires_at: new Date(clock.now() + HOUR).toISOString(),
    });
    clock.advance(HOUR);
    const [, retired] = await listSigningKeys({ ...ctx, clock });
    expect(retired).toMatchObject({ kid: kidOf(old), status: 'retired' });
  });

  it('are audited, as ids', async () => {
    const { kid } = await rotateSigningKey(await ctxAs('owner'), {});
    const [entry] = (await auditEntries(h.db, home, 'signing_key.rotated')).slice(-1);
    expect(entry).toMatchObject({ outcome: 'success', targets: [{ type: 'signing_key', id: kid }] });
  });

  it('with no overlap end every token of older keys, here and elsewhere within ten seconds', async () => {
    const ctx = await ctxAs('owner');
    const elsewhere = identityFor(h.db, clock);
    const old = await logInAs('member');
    await rotateSigningKey(ctx, {});
    const middle = await logInAs('member');
    for (const token of [old, middle]) await show(token, elsewhere);
    await rotateSigningKey(ctx, { overlap_seconds: 0 });
    const young = await logInAs('member');
    clock.advance(10_000);
    for (const on of [services, elsewhere]) {
      for (const token of [old, middle]) {
        await expect(show(token, on)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
      }
      await show(young, on);
    }
  });

  it('of rotations at once leave one that signs', async () => {
    const ctx = await ctxAs('owner');
    await Promise.all([0, 1, 2].map(() => rotateSigningKey(ctx, {})));
    expect((await listSigningKeys(ctx)).filter(({ status }) => status === 'active')).toHaveLength(1);
  });

  it('under load let no request fail, on any of three servers', async () => {
    const ctx = await ctxAs('owner');
    // Time has to pass by itself here: servers wait for each other's keys.
    const servers = [0, 1, 2].map(() => identityFor(h.db, systemClock));
    const members = await Promise.all([0, 1, 2, 3].map(() => createMember(services, home)));
    const use = async (round: number) => {
      const { accessToken } = await logIn(servers[round % 3]!, members[round % 4]!);
      await Promise.all(servers.map((on) => show(accessToken, on)));
    };
    const rounds = Array.from({ length: 12 }, (_, round) => use(round));
    await Promise.all([...rounds, ...[0, 1, 2].map(() => rotateSigningKey(ctx, {}))]);
  });

  it('are for owners of the first team alone', async () => {
    const elsewhere = (await h.createTenant()).tenantId;
    const others = await Promise.all([
      ...(['admin', 'member', 'read_only'] as const).map((role) => ctxAs(role)),
      ctxAs('owner', elsewhere),
    ]);
    const key = { ...ctxOf(h, services, { tenantId: home }), tokens: services.tokens };
    const before = await h.db.kysely.selectFrom('signing_keys').selectAll().execute();
    for (const ctx of [...others, key]) {
      await expect(rotateSigningKey(ctx, {})).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(listSigningKeys(ctx)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    expect(await h.db.kysely.selectFrom('signing_keys').selectAll().execute()).toEqual(before);
  });

  it.each([{ overlap_seconds: -1 }, { overlap_seconds: 1.5 }, { overlap_seconds: '60' }, { kid: 'mine' }])(
    'refuse %o',
    async (input) => {
      const ctx = await ctxAs('owner');
      await expect(rotateSigningKey(ctx, input as never)).rejects.toMatchObject({ name: 'ZodError' });
    },
  );
});
