import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ZodError } from 'zod';
import { ENGINES } from '../../../test/harness.ts';
import { Teams } from '../../../test/team-fixture.ts';
import { queueMail } from '../mail/index.ts';
import { getProfile, updateProfile } from './index.ts';

describe.each(ENGINES)('the profile on %s', (engine) => {
  let t: Teams;
  beforeAll(async () => {
    t = await Teams.open(engine);
  }, 60_000);
  afterAll(() => t.h.close());

  it('is what a user begins with, and what they make of it', async () => {
    const { teamId, read_only } = await t.team();
    // Also for who may only look: it is their own.
    const ctx = t.as(read_only, teamId, 'read_only');
    const profile = await getProfile(ctx);
    expect(profile).toEqual({
      id: read_only.userId,
      email: read_only.email,
      email_verified: false,
      name: 'read_only',
      locale: null,
      notifications: { secret_expiring: true },
      version: 1,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    const changed = await updateProfile(ctx, { name: ' Ann ', locale: 'zh-hant-tw' });
    expect(changed).toMatchObject({ name: 'Ann', locale: 'zh-Hant-TW', version: 2 });
    expect(await updateProfile(ctx, { notifications: { secret_expiring: false } })).toMatchObject({
      name: 'Ann',
      locale: 'zh-Hant-TW',
      notifications: { secret_expiring: false },
    });
    expect(await updateProfile(ctx, { locale: null, notifications: {} })).toMatchObject({
      locale: null,
      notifications: { secret_expiring: false },
    });
    expect(await getProfile(ctx)).toMatchObject({ version: 4 });
    expect(await t.audit(teamId, 'profile.updated')).toMatchObject([
      { targets: [{ type: 'user', id: read_only.userId }], diff: [{}, {}] },
      { diff: [{}] },
      { diff: [{}] },
    ]);
  });

  it('belongs to a user: a key has none', async () => {
    const { tenantId } = await t.h.createTenant();
    const key = t.h.ctxFor({ tenantId });
    await expect(getProfile(key)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(updateProfile(key, { name: 'x' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('P-06 nobody changes the profile of others', async () => {
    const { teamId, owner, member } = await t.team();
    await updateProfile(t.as(owner, teamId), { name: 'Boss', locale: 'de' });
    expect(await getProfile(t.as(member, teamId, 'member'))).toMatchObject({ name: 'member', locale: null });
  });

  it('of two changes to one version one wins', async () => {
    const { teamId, owner } = await t.team();
    const ifMatch = (current: object) => (current as { version: number }).version === 1;
    const ctx = t.as(owner, teamId, 'owner', { ifMatch });
    const ends = await Promise.allSettled(['a', 'b'].map((name) => updateProfile(ctx, { name })));
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it.each([
    ['name', { name: '' }],
    ['name', { name: 5 }],
    ['locale', { locale: 'en_US' }],
    ['locale', { locale: 'english!' }],
    ['locale', { locale: '' }],
    ['locale', { locale: 'x'.repeat(36) }],
    ['', {}],
    ['', { name: 'x', email: 'other@example.com' }],
    ['', { name: 'x', email_verified: true }],
    ['notifications', { notifications: { password_changed: false } }],
    ['notifications.secret_expiring', { notifications: { secret_expiring: 'no' } }],
  ])('names the bad field %s and changes nothing', async (field, input) => {
    const { teamId, owner } = await t.team();
    const ctx = t.as(owner, teamId);
    const path = field === '' ? [] : field.split('.');
    const refusal = await updateProfile(ctx, input as never).catch((error: unknown) => error);
    expect((refusal as ZodError).issues.map((issue) => issue.path)).toContainEqual(path);
    expect(await getProfile(ctx)).toMatchObject({ version: 1 });
  });

  it('what is switched off is not mailed; what keeps the account safe is', async () => {
    const { teamId, owner } = await t.team();
    const mail = async () => {
      await t.h.db.transaction(async (tx) => {
        const variables = { secret: 'OPENAI', expires_at: '2030-01-01T00:00:00Z' };
        await queueMail(tx, { to: owner.email.toUpperCase(), template: 'secret_expiring', variables });
        await queueMail(tx, { to: owner.email, template: 'password_changed', variables: { name: 'Ann' } });
      });
      const rows = await t.h.db.kysely
        .selectFrom('emails')
        .select('template')
        .where('tenant_id', '=', teamId)
        .orderBy('id')
        .execute();
      return rows.map(({ template }) => template);
    };
    expect(await mail()).toEqual(['secret_expiring', 'password_changed']);
    await updateProfile(t.as(owner, teamId), { notifications: { secret_expiring: false } });
    expect(await mail()).toEqual(['secret_expiring', 'password_changed', 'password_changed']);
  });
});
