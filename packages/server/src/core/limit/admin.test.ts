import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { createMember, identityFor } from '../../../test/identity-harness.ts';
import { testLimits } from '../../../test/limits.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { SYSTEM_TENANT } from '../audit/index.ts';
import type { Ctx, Services } from '../context.ts';
import { createApiKey } from '../identity/index.ts';
import type { Limits } from '../ports.ts';
import {
  deleteOverride,
  getLimitUsage,
  listLimits,
  purgeLimits,
  resetLimit,
  setOverride,
  unblockSubject,
  type LimitNumbers,
} from './index.ts';

const NUMBERS: LimitNumbers = {
  fleet: { free: { minute: 5 }, pro: { minute: 50 }, enterprise: { minute: 500 } },
  anonymous: { free: { minute: 3 }, stages: { slowUpTo: 1, blockAfter: 2 } },
};
const reason = 'because';

describe.each(ENGINES)('administration of limits on %s', (engine) => {
  let h: Harness;
  let clock: ManualClock;
  let limits: Limits;
  let admin: Ctx;
  let operator: Ctx;
  let key: string;
  let opened: Limits[] = [];

  beforeAll(async () => {
    h = await openHarness({ engine });
  });
  beforeEach(async () => {
    clock = new ManualClock(Date.now());
    limits = openLimits();
    admin = await newAdmin();
    operator = await newOperator();
    const made = await createApiKey(admin, { name: 'k', scopes: ['read'] });
    key = `key:${made.id}`;
  });
  afterEach(async () => {
    await Promise.all(opened.map((each) => each.close()));
    opened = [];
  });

  function openLimits(services: Services = h.services): Limits {
    const made = testLimits({ ...services, clock }, NUMBERS);
    opened.push(made);
    return made;
  }

  async function newAdmin(): Promise<Ctx> {
    const { tenantId } = await h.createTenant();
    return { ...h.ctxFor({ tenantId, scopes: ['admin'] }), clock, limits };
  }

  async function newOperator(): Promise<Ctx> {
    const { tenantId } = await h.createTenant();
    const home = h.db.kysely.updateTable('tenants');
    await home.set({ is_home: false }).where('is_home', '=', true).execute();
    await home.set({ is_home: true }).where('id', '=', tenantId).execute();
    const { userId } = await createMember(identityFor(h.db), tenantId, 'owner');
    const ctx = h.ctxFor({ tenantId, scopes: ['admin'], actor: `user:${userId}` });
    return { ...ctx, clock, limits, principal: { ...ctx.principal, kind: 'user', userId } };
  }

  const request = (ctx = admin, subject = key) => ({
    policy: 'fleet',
    subject,
    tenantId: ctx.principal.tenantId,
  });

  /** How many of ten uses pass. */
  async function passes(ctx = admin, subject = key, own = limits): Promise<number> {
    let passed = 0;
    for (let use = 0; use < 10; use += 1) {
      if ((await own.decide(request(ctx, subject))).outcome === 'allowed') passed += 1;
    }
    return passed;
  }

  const entries = (ctx: Ctx, action: string) => auditEntries(h.db, ctx.principal.tenantId, action);

  test('BF-5.2.f an override lowers, raises, lifts and is removed, each at once', async () => {
    expect(await passes()).toBe(5);
    const raise = { subject: key, minute: 7, reason };
    const override = await setOverride(operator, 'fleet', { tenant_id: admin.principal.tenantId, ...raise });
    expect(override).toMatchObject({
      policy: 'fleet',
      subject: key,
      allowance: { minute: 7 },
      expires_at: null,
    });
    expect(await passes()).toBe(2);
    await setOverride(admin, 'fleet', { subject: key, minute: 3, reason });
    clock.advance(60_000);
    expect(await passes()).toBe(3);
    const lifted = await setOverride(operator, 'fleet', {
      tenant_id: admin.principal.tenantId,
      subject: key,
      unlimited: true,
      reason,
    });
    expect(lifted).toMatchObject({ id: override.id, allowance: null });
    expect(await passes()).toBe(10);
    await deleteOverride(admin, override.id);
    clock.advance(60_000);
    expect(await passes()).toBe(5);
  });

  test('each change is audited with what was before and after', async () => {
    const made = await setOverride(admin, 'fleet', { subject: key, minute: 3, reason });
    await setOverride(admin, 'fleet', { subject: key, minute: 2, hour: 9, reason: 'still too much' });
    await deleteOverride(admin, made.id);
    const [first, second] = await entries(admin, 'limit.override_set');
    expect(first).toMatchObject({ targets: [{ type: 'limit_override', id: made.id, name: 'fleet' }] });
    expect(JSON.stringify(second?.diff)).toContain('minute');
    expect(JSON.stringify(second?.diff)).not.toContain('"subject"');
    expect(await entries(admin, 'limit.override_deleted')).toHaveLength(1);
  });

  test('an override of the whole tenant holds for each subject, one of a subject before it', async () => {
    await setOverride(admin, 'fleet', { minute: 2, reason });
    await setOverride(admin, 'fleet', { subject: key, minute: 4, reason });
    expect([await passes(), await passes(admin, 'key:other')]).toEqual([4, 2]);
    expect(await passes(await newAdmin(), 'key:other')).toBe(5);
    const { policies, overrides, tier, is_operator } = await listLimits(admin);
    expect({ tier, is_operator }).toEqual({ tier: 'free', is_operator: false });
    expect(overrides.map(({ subject }) => subject)).toEqual([key, null]);
    const fleet = policies.find(({ policy }) => policy === 'fleet');
    expect(fleet).toMatchObject({
      allowance: { minute: 2 },
      tier_allowance: { minute: 5 },
      on_failure: 'open',
    });
  });

  test('an override ends at its time', async () => {
    const expires_at = new Date(clock.now() + 30_000).toISOString();
    const { id } = await setOverride(admin, 'fleet', { subject: key, minute: 1, expires_at, reason });
    expect(await passes()).toBe(1);
    const ended = { expires_at: new Date(Date.now() - 1) };
    await h.db.kysely.updateTable('limit_overrides').set(ended).where('id', '=', id).execute();
    clock.advance(5000);
    expect(await passes()).toBe(4);
    const past = { subject: key, minute: 1, expires_at: new Date(clock.now()).toISOString(), reason };
    await expect(setOverride(admin, 'fleet', past)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  test('a server that hears nothing follows within five seconds', async () => {
    const deaf = openLimits(h.otherServices());
    expect(await passes(admin, key, deaf)).toBe(5);
    await setOverride(admin, 'fleet', { subject: key, minute: 1, reason });
    clock.advance(60_000);
    expect(await passes(admin, key, deaf)).toBe(1);
  });

  test('an administrator lowers, and raises up to the tier; above it only the operator', async () => {
    await setOverride(admin, 'fleet', { subject: key, minute: 5, hour: 100, reason });
    for (const allowance of [{ minute: 6 }, { hour: 1 }, { unlimited: true }]) {
      await expect(setOverride(admin, 'fleet', { subject: key, ...allowance, reason })).rejects.toMatchObject(
        {
          code: 'FORBIDDEN',
          extras: { details: { tier: 'free', tier_allowance: { minute: 5 } } },
        },
      );
    }
    const tenant = { tenant_id: admin.principal.tenantId };
    await setOverride(operator, 'fleet', { ...tenant, subject: key, minute: 60, reason });
    expect(await entries(operator, 'limit.override_set')).toHaveLength(1);
    expect(await passes()).toBe(10);
  });

  test('another tenant, and what belongs to the installation, is the operator’s', async () => {
    const other = await newAdmin();
    const tenant_id = other.principal.tenantId;
    const mine = await setOverride(admin, 'fleet', { subject: key, minute: 1, reason });
    await expect(setOverride(admin, 'fleet', { tenant_id, minute: 1, reason })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(setOverride(other, 'fleet', { subject: key, minute: 1, reason })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(deleteOverride(other, mine.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(deleteOverride(other, 'nonsense')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(
      setOverride(admin, 'anonymous', { subject: 'ip:203.0.113.1', minute: 1, reason }),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await listLimits(other)).overrides).toEqual([]);
    expect((await listLimits(operator)).overrides.map(({ id }) => id)).toContain(mine.id);
    const theirs = {
      ...operator,
      principal: { ...operator.principal, kind: 'api_key', userId: null },
    } as const;
    await expect(setOverride(theirs, 'fleet', { tenant_id, minute: 1, reason })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  test('is for administrators', async () => {
    const reader = {
      ...admin,
      principal: { ...admin.principal, scopes: new Set(['read', 'write'] as const) },
    };
    const body = { subject: key, reason };
    const calls = [
      listLimits(reader),
      setOverride(reader, 'fleet', { ...body, minute: 1 }),
      deleteOverride(reader, randomUUID()),
      resetLimit(reader, 'fleet', { subject: key }),
      unblockSubject(reader, 'fleet', { subject: key }),
      getLimitUsage(reader, 'fleet', { subject: key }),
    ];
    for (const call of await Promise.allSettled(calls)) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'FORBIDDEN' } });
    }
  });

  test.each([
    ['nonsense', { subject: 'key:x', minute: 1 }, 'NOT_FOUND'],
    ['fleet', { subject: `key:${randomUUID()}`, minute: 1 }, 'NOT_FOUND'],
    ['fleet', { subject: 'user:nobody', minute: 1 }, 'NOT_FOUND'],
    ['fleet', { subject: 'ip:203.0.113.1', minute: 1 }, 'VALIDATION_ERROR'],
    ['tenant', { subject: 'tenant:other', minute: 1 }, 'VALIDATION_ERROR'],
  ])('refuses %s %j with %s', async (policy, body, code) => {
    await expect(setOverride(admin, policy, { ...body, reason })).rejects.toMatchObject({ code });
  });

  test.each([
    [{}],
    [{ minute: 0 }],
    [{ minute: 1.5 }],
    [{ burst: 3 }],
    [{ minute: 1, unlimited: true }],
    [{ minute: 1, reason: ' ' }],
    [{ minute: 1, subject: '' }],
    [{ minute: 1, subject: 'a\nb' }],
    [{ minute: 1, extra: true }],
  ])('refuses the override %j', async (body) => {
    await expect(setOverride(admin, 'fleet', { reason, ...body })).rejects.toMatchObject({ issues: [{}] });
  });

  test('a reset gives everything back, and says so in the log', async () => {
    expect(await passes()).toBe(5);
    expect(await getLimitUsage(admin, 'fleet', { subject: key })).toMatchObject({ limit: 5, remaining: 0 });
    const usage = await resetLimit(admin, 'fleet', { subject: key });
    expect(usage).toMatchObject({
      policy: 'fleet',
      subject: key,
      limit: 5,
      remaining: 5,
      blocked_until: null,
    });
    expect(await passes()).toBe(5);
    expect(await entries(admin, 'limit.reset')).toHaveLength(1);
  });

  test('the operator ends a block of an address, however it is written', async () => {
    const ip = `2001:db8:${Math.floor(Math.random() * 65_535).toString(16)}:1`;
    const use = () => limits.decide({ policy: 'anonymous', subject: `ip:${ip}::7` });
    for (let index = 0; index < 6; index += 1) await use();
    await vi.waitFor(async () => expect((await use()).outcome).toBe('blocked'));
    const subject = `ip:${ip}::8`;
    const listed = (await listLimits(operator)).blocks.find((block) => block.subject.includes(ip));
    expect(listed).toMatchObject({ tenant_id: null, policy: 'anonymous', level: 1 });
    expect((await listLimits(admin)).blocks).toEqual([]);
    expect((await getLimitUsage(operator, 'anonymous', { subject })).blocked_until).toBe(
      listed?.blocked_until,
    );
    await expect(unblockSubject(admin, 'anonymous', { subject })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await unblockSubject(operator, 'anonymous', { subject })).toEqual(listed);
    expect((await use()).outcome).toBe('refused');
    await resetLimit(operator, 'anonymous', { subject });
    expect((await use()).outcome).toBe('allowed');
    await expect(unblockSubject(operator, 'anonymous', { subject })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await entries(operator, 'limit.unblocked')).toHaveLength(1);
    expect(await auditEntries(h.db, SYSTEM_TENANT, 'limit.blocked')).not.toEqual([]);
  });

  test('a tenant has 200 overrides at most', async () => {
    const { tenantId } = admin.principal;
    const rows = Array.from({ length: 200 }, (_, index) => ({
      tenant_id: tenantId,
      id: randomUUID(),
      policy: 'fleet',
      subject: `guest:${index}`,
      allowance: '{"minute":1}',
      reason,
      created_by: 'user:x',
    }));
    await h.db.kysely.insertInto('limit_overrides').values(rows).execute();
    await expect(setOverride(admin, 'fleet', { subject: key, minute: 1, reason })).rejects.toMatchObject({
      code: 'RESOURCE_CONFLICT',
    });
    await setOverride(admin, 'fleet', { subject: 'guest:0', minute: 2, reason });
    await deleteOverride(admin, rows[1]!.id);
    await setOverride(admin, 'fleet', { subject: key, minute: 1, reason });
  });

  test('purging forgets what ended a month ago, and nothing that may still matter', async () => {
    const { tenantId } = admin.principal;
    const old = new Date(Date.now() - 31 * 86_400_000);
    const recent = new Date(Date.now() - 86_400_000);
    const made = await setOverride(admin, 'fleet', { subject: key, minute: 1, reason });
    await h.db.kysely
      .updateTable('limit_overrides')
      .set({ expires_at: old })
      .where('id', '=', made.id)
      .execute();
    const block = { tenant_id: tenantId, policy: 'fleet', level: 1, blocked_at: old };
    await h.db.kysely
      .insertInto('limit_blocks')
      .values([
        { ...block, subject: 'old', blocked_until: old },
        { ...block, subject: 'recent', blocked_until: recent },
      ])
      .execute();
    await purgeLimits({ db: h.db, limits });
    const blocks = await h.db.kysely
      .selectFrom('limit_blocks')
      .select('subject')
      .where('tenant_id', '=', tenantId)
      .execute();
    expect(blocks).toEqual([{ subject: 'recent' }]);
    expect((await listLimits(admin)).overrides).toEqual([]);
  });
});
