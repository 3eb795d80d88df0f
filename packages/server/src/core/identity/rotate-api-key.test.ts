import { randomUUID } from 'node:crypto';
import type { UpdateApiKey } from '@holdfast/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ZodError } from 'zod';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { ctxOf, HOUR, identityFor } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Ctx, Scope } from '../context.ts';
import {
  authenticate,
  createApiKey,
  findEnded,
  listApiKeys,
  revokeApiKey,
  rotateApiKey,
  updateApiKey,
} from './index.ts';

describe.each(ENGINES)('rotating and changing API keys on %s', (engine) => {
  let h: Harness;
  let clock: ManualClock;
  let services: ReturnType<typeof identityFor>;
  let ctx: Ctx;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  beforeEach(async () => {
    clock = new ManualClock();
    services = identityFor(h.db, clock);
    ctx = ctxOf(h, services, { ...(await h.createTenant()), actor: 'user:ann' });
  });
  afterAll(() => h.close());

  const make = async (more: { expires_at?: string } = {}) => {
    const key = await createApiKey(ctx, { name: 'Key', scopes: ['read'], ...more });
    return { id: key.id, secret: key.secret! };
  };
  const show = (value: string) => authenticate(services, { kind: 'api_key', value });
  const refused = { code: 'UNAUTHORIZED' };
  const rotate = async (id: string, grace_seconds?: number) =>
    (await rotateApiKey(ctx, id, { grace_seconds })).secret!;
  const audited = async () => (await auditEntries(h.db, ctx.principal.tenantId)).map(({ action }) => action);

  it('BF-1.2.b ends the old secret at once without a grace', async () => {
    const { id, secret } = await make();
    const next = await rotate(id);
    expect(next).not.toBe(secret);
    await expect(show(secret)).rejects.toMatchObject(refused);
    expect((await show(next)).actor).toBe(`key:${id}`);
  });

  it('takes both secrets during the grace, then only the new one', async () => {
    const { id, secret } = await make();
    const next = await rotate(id, 60);
    const end = clock.now() + 60_000;
    expect(await show(secret)).toMatchObject({ actor: `key:${id}`, expiresAt: end });
    expect((await show(next)).expiresAt).toBeNull();
    expect((await listApiKeys(ctx, { limit: 1 })).items[0]).toMatchObject({
      prefix: next.slice(0, 11),
      previous_expires_at: new Date(end).toISOString(),
    });
    clock.advance(59_999);
    await show(secret);
    clock.advance(1);
    await expect(show(secret)).rejects.toMatchObject(refused);
    await show(next);
  });

  it('ends a secret in its grace when the key is rotated again', async () => {
    const { id, secret } = await make();
    const second = await rotate(id, 3600);
    const third = await rotate(id, 3600);
    await expect(show(secret)).rejects.toMatchObject(refused);
    await show(second);
    await show(third);
  });

  it('never lets the old secret outlive the key', async () => {
    const { id, secret } = await make({ expires_at: new Date(clock.now() + HOUR).toISOString() });
    const next = await rotate(id, 24 * 3600);
    expect((await show(secret)).expiresAt).toBe(clock.now() + HOUR);
    clock.advance(HOUR);
    await expect(show(secret)).rejects.toMatchObject(refused);
    await expect(show(next)).rejects.toMatchObject(refused);
  });

  it('revokes both secrets together', async () => {
    const { id, secret } = await make();
    const next = await rotate(id, 3600);
    await revokeApiKey(ctx, id);
    await expect(show(secret)).rejects.toMatchObject(refused);
    await expect(show(next)).rejects.toMatchObject(refused);
  });

  it('ends streams that an old secret opened, and no others', async () => {
    const { id, secret } = await make();
    const old = await show(secret);
    const middle = await show(await rotate(id, 60));
    expect(await findEnded(services, [old, middle])).toEqual(new Set());
    clock.advance(60_000);
    expect(await findEnded(services, [old, middle])).toEqual(new Set([old]));
    const newest = await show(await rotate(id));
    expect(await findEnded(services, [old, middle, newest])).toEqual(new Set([old, middle]));
  });

  it('tells a repeated request that it was done, but not the secret', async () => {
    const { id } = await make();
    const once = { ...ctx, idempotencyKey: randomUUID() };
    const first = await rotateApiKey(once, id, { grace_seconds: 5 });
    expect(await rotateApiKey(once, id, { grace_seconds: 5 })).toEqual({ ...first, secret: null });
    await show(first.secret!);
    await expect(rotateApiKey(once, id, {})).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
  });

  it('does not bring back a key that has ended', async () => {
    const revoked = await make();
    await revokeApiKey(ctx, revoked.id);
    const expired = await make({ expires_at: new Date(clock.now() + 1000).toISOString() });
    clock.advance(1000);
    const conflict = { code: 'RESOURCE_CONFLICT' };
    for (const { id, secret } of [revoked, expired]) {
      await expect(rotateApiKey(ctx, id, {})).rejects.toMatchObject(conflict);
      await expect(updateApiKey(ctx, id, { expires_at: null })).rejects.toMatchObject(conflict);
      await expect(show(secret)).rejects.toMatchObject(refused);
    }
  });

  it('changes name and expiry, each alone', async () => {
    const { id, secret } = await make();
    const end = new Date(clock.now() + HOUR).toISOString();
    expect(await updateApiKey(ctx, id, { name: ' New ' })).toMatchObject({ name: 'New', expires_at: null });
    expect(await updateApiKey(ctx, id, { expires_at: end })).toMatchObject({ name: 'New', expires_at: end });
    expect((await show(secret)).expiresAt).toBe(Date.parse(end));
    expect(await updateApiKey(ctx, id, { expires_at: null })).toMatchObject({ expires_at: null });
  });

  it.each([
    ['', {}],
    ['name', { name: '' }],
    ['expires_at', { expires_at: 'soon' }],
    ['', { scopes: ['admin'] }],
    ['', { name: 'x', tenant_id: randomUUID() }],
  ])('refuses to change %s by %j', async (field, change) => {
    const { id } = await make();
    const before = await listApiKeys(ctx, { limit: 5 });
    const error = await updateApiKey(ctx, id, change as UpdateApiKey).catch((thrown: unknown) => thrown);
    expect(error instanceof ZodError ? error.issues[0]?.path.join('.') : error).toBe(field);
    expect(await listApiKeys(ctx, { limit: 5 })).toEqual(before);
  });

  it.each([-1, 0.5, 604_801, '60'])('refuses a grace of %j', async (grace_seconds) => {
    const { id, secret } = await make();
    const call = rotateApiKey(ctx, id, { grace_seconds } as never);
    await expect(call).rejects.toMatchObject({ issues: [{ path: ['grace_seconds'] }] });
    await show(secret);
  });

  it('needs the scope admin, in the tenant of the key', async () => {
    const { id, secret } = await make();
    const scopes: Scope[] = ['read', 'write', 'hold'];
    const weak = h.ctxFor({ tenantId: ctx.principal.tenantId, scopes });
    const foreign = h.ctxFor(await h.createTenant());
    const cases = [
      [weak, id, 'FORBIDDEN'],
      [foreign, id, 'NOT_FOUND'],
      [ctx, randomUUID(), 'NOT_FOUND'],
      [ctx, 'x', 'NOT_FOUND'],
    ] as const;
    for (const [who, key, code] of cases) {
      await expect(rotateApiKey(who, key, {})).rejects.toMatchObject({ code });
      await expect(updateApiKey(who, key, { name: 'x' })).rejects.toMatchObject({ code });
      await expect(revokeApiKey(who, key)).rejects.toMatchObject({ code });
    }
    await show(secret);
    expect(await audited()).toEqual(['api_key.created']);
  });

  it('BF-5.3.a records each change once, and never a secret', async () => {
    const { id, secret } = await make();
    await updateApiKey(ctx, id, { name: 'New' });
    const next = await rotate(id, 60);
    await revokeApiKey(ctx, id);
    await revokeApiKey(ctx, id);
    const actions = ['api_key.created', 'api_key.updated', 'api_key.rotated', 'api_key.revoked'];
    expect(await audited()).toEqual(actions);
    const entries = await auditEntries(h.db, ctx.principal.tenantId);
    expect(entries.map(({ targets }) => targets[0])).toEqual(
      actions.map(() => expect.objectContaining({ type: 'api_key', id })),
    );
    const text = JSON.stringify(entries);
    for (const value of [secret, next]) expect(text).not.toContain(value.slice(11));
  });

  it('leaves one new secret when two rotate at once', async () => {
    const { id, secret } = await make();
    const [one, other] = await Promise.all([rotate(id), rotate(id)]);
    const taken = await Promise.allSettled([secret, one, other].map(show));
    expect(taken.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });
});
