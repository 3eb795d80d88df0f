import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CreateSecret } from '@holdfast/protocol';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Ctx } from '../../core/context.ts';
import {
  addSecretVersion,
  createSecret,
  deleteSecret,
  disableSecretVersion,
  getSecret,
  getSecretStatus,
  listSecretAccesses,
  listSecrets,
} from './index.ts';

const VALUE = 'sk-live-0123456789abcdef';
const DAY = 86_400_000;
const UNKNOWN = '0195a7f0-0000-7000-8000-00000000dead';

describe.each(ENGINES)('secrets on %s', (engine) => {
  let h: Harness;
  let ctx: Ctx;
  let stranger: Ctx;
  const clock = new ManualClock();
  beforeAll(async () => {
    h = await openHarness({ engine, clock });
    ctx = h.ctxFor({ tenantId: (await h.createTenant()).tenantId });
    stranger = h.ctxFor({ tenantId: (await h.createTenant()).tenantId });
  }, 60_000);
  afterAll(() => h.close());

  const make = (input: Partial<CreateSecret> = {}, as = ctx) =>
    createSecret(as, { name: `s-${randomUUID()}`, kind: 'other', value: VALUE, ...input });
  const reader = (): Ctx => ({ ...ctx, principal: { ...ctx.principal, scopes: new Set(['read', 'write']) } });
  const use = (name: string, more: object = {}) =>
    ctx.secrets.find({ tenantId: ctx.principal.tenantId, name, actor: 'agent:a', purpose: 'test', ...more });
  const audited = async (id: string) => {
    const rows = await h.db.kysely
      .selectFrom('audit_entries')
      .selectAll()
      .where('tenant_id', '=', ctx.principal.tenantId)
      .execute();
    return rows
      .filter(({ targets }) => JSON.stringify(targets).includes(id))
      .map((row) => ({ action: row.action, text: JSON.stringify(row) }));
  };

  test('a secret is created, shown without its value, used, and every change is audited', async () => {
    const secret = await make({ kind: 'model_key', description: 'Ours' });
    expect(secret).toEqual({
      id: expect.any(String),
      name: secret.name,
      kind: 'model_key',
      description: 'Ours',
      latest_version: 1,
      last4: 'cdef',
      created_by: 'key:test',
      created_at: expect.any(String),
      updated_at: expect.any(String),
      last_accessed_at: null,
      expires_at: null,
    });
    expect(await use(secret.name)).toBe(VALUE);
    const rotated = await addSecretVersion(ctx, secret.id, { value: 'the second value' });
    expect(rotated).toMatchObject({ latest_version: 2, last4: 'alue' });
    expect(await use(secret.name)).toBe('the second value');
    const detail = await disableSecretVersion(ctx, secret.id, 1);
    expect(detail.versions).toMatchObject([
      { version: 2, key_id: 'test', last4: 'alue', disabled_at: null },
      { version: 1, key_id: 'test', last4: 'cdef', disabled_at: expect.any(String) },
    ]);
    expect(await disableSecretVersion(ctx, secret.id, 1)).toEqual(detail);
    await deleteSecret(ctx, secret.id);
    expect(await use(secret.name)).toBeNull();
    const entries = await audited(secret.id);
    expect(entries.map(({ action }) => action)).toEqual([
      'secret.created',
      'secret.rotated',
      'secret.version_disabled',
      'secret.deleted',
    ]);
    for (const { text } of entries) expect(text).not.toMatch(/0123456789abcdef|second value/);
  });

  test('no answer and no read holds a value or cipher text', async () => {
    const secret = await make();
    const seen = JSON.stringify([
      secret,
      await addSecretVersion(ctx, secret.id, { value: `${VALUE}2` }),
      await getSecret(ctx, secret.id),
      await listSecrets(ctx, { limit: 100 }),
      await disableSecretVersion(ctx, secret.id, 2),
      await getSecretStatus(ctx),
    ]);
    expect(seen).not.toContain(VALUE);
    expect(seen).not.toMatch(/ciphertext|wrapped/);
  });

  test('BF-5.4.d what is stored is cipher text', async () => {
    const { id } = await make();
    const row = await h.db.kysely
      .selectFrom('secret_versions')
      .selectAll()
      .where('secret_id', '=', id)
      .executeTakeFirstOrThrow();
    expect(row.ciphertext.length).toBe(12 + VALUE.length + 16);
    expect(row.wrapped_dek.length).toBe(12 + 32 + 16);
    expect(Buffer.concat([row.ciphertext, row.wrapped_dek]).includes(VALUE.slice(0, 6))).toBe(false);
  });

  test('the hint of a short value gives nothing away', async () => {
    expect(await make({ value: 'fifteen letters' })).toMatchObject({ last4: null });
    expect(await make({ value: 'sixteen letters!' })).toMatchObject({ last4: 'ers!' });
  });

  test.each([
    ['name', { name: 'Upper' }],
    ['name', { name: '' }],
    ['name', { name: 'a/b' }],
    ['name', { name: 'x'.repeat(101) }],
    ['kind', { kind: 'password' }],
    ['value', { value: '' }],
    ['value', { value: 'x'.repeat(16_385) }],
    ['value', { value: 5 }],
    ['description', { description: 'x'.repeat(501) }],
    ['expires_at', { expires_at: 'tomorrow' }],
  ])('names the bad field %s: %#', async (field, input) => {
    const refused = make(input as never);
    await expect(refused).rejects.toMatchObject({
      issues: expect.arrayContaining([expect.objectContaining({ path: [field] })]),
    });
    await expect(refused).rejects.not.toThrow(VALUE);
  });

  test('an expiry must be in the future, also the one that stays when the value changes', async () => {
    const past = new Date(clock.now()).toISOString();
    await expect(make({ expires_at: past })).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    const soon = new Date(clock.now() + 1000).toISOString();
    const { id, name } = await make({ expires_at: soon });
    expect(await use(name)).toBe(VALUE);
    clock.advance(1000);
    await expect(addSecretVersion(ctx, id, { value: 'new' })).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      message: expect.stringContaining(soon),
    });
    expect(await addSecretVersion(ctx, id, { value: 'new', expires_at: null })).toMatchObject({
      latest_version: 2,
      expires_at: null,
    });
    expect(await use(name)).toBe('new');
  });

  test('a name is taken once in a tenant, and free in another', async () => {
    const { name } = await make();
    await expect(make({ name })).rejects.toMatchObject({ code: 'RESOURCE_CONFLICT' });
    expect(await make({ name }, stranger)).toMatchObject({ name });
  });

  test('who lacks the scope admin is refused everything', async () => {
    const { id } = await make();
    const calls = [
      make({}, reader()),
      addSecretVersion(reader(), id, { value: 'x' }),
      disableSecretVersion(reader(), id, 1),
      deleteSecret(reader(), id),
      getSecret(reader(), id),
      listSecrets(reader(), { limit: 1 }),
      listSecretAccesses(reader(), id, { limit: 1 }),
      getSecretStatus(reader()),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await getSecret(ctx, id)).toMatchObject({ latest_version: 1 });
  });

  test("another tenant's secret is not there", async () => {
    const { id, name } = await make();
    await use(name);
    const calls = (other: string) => [
      addSecretVersion(stranger, other, { value: 'x' }),
      disableSecretVersion(stranger, other, 1),
      deleteSecret(stranger, other),
      getSecret(stranger, other),
      listSecretAccesses(stranger, other, { limit: 1 }),
    ];
    const errorsOf = (work: Promise<unknown>[]) =>
      Promise.all(work.map((call) => call.then(String, (error: { code: string; message: string }) => error)));
    const foreign = await errorsOf(calls(id));
    expect(foreign).toEqual(await errorsOf(calls(UNKNOWN)));
    expect(foreign).toEqual(await errorsOf(calls('nonsense')));
    for (const error of foreign) expect(error).toMatchObject({ code: 'NOT_FOUND' });
    expect((await listSecrets(stranger, { limit: 100 })).items.map((item) => item.id)).not.toContain(id);
    const { tenantId } = stranger.principal;
    expect(await ctx.secrets.find({ tenantId, name, actor: 'a', purpose: 'p' })).toBeNull();
    expect(await getSecret(ctx, id)).toMatchObject({ latest_version: 1 });
  });

  test('sending twice is creating once, and the stored answer knows nothing of the value', async () => {
    const once = { ...ctx, idempotencyKey: randomUUID() };
    const input = { name: `twice-${randomUUID()}`, kind: 'other', value: 'guessable' } as const;
    const first = await createSecret(once, input);
    expect(await createSecret(once, input)).toEqual(first);
    await expect(createSecret(once, { ...input, value: 'guessablf' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_MISMATCH',
    });
    const again = { ...ctx, idempotencyKey: randomUUID() };
    await addSecretVersion(again, first.id, { value: 'second' });
    expect(await addSecretVersion(again, first.id, { value: 'second' })).toMatchObject({ latest_version: 2 });
    expect((await getSecret(ctx, first.id)).versions).toHaveLength(2);
    const rows = await h.db.kysely.selectFrom('idempotency_keys').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain('guessable');
    // Nor can a guess be checked against it at the speed of a plain digest.
    const guess = { description: '', expires_at: null, kind: 'other', name: input.name, value: 'guessable' };
    const digest = createHash('sha256').update(JSON.stringify(guess)).digest('hex');
    expect(rows.map(({ fingerprint }) => fingerprint)).not.toContain(digest);
  });

  test('twenty new values at once are twenty versions', async () => {
    const { id } = await make();
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => addSecretVersion(ctx, id, { value: `value ${at}` })),
    );
    const { versions, latest_version } = await getSecret(ctx, id);
    expect(latest_version).toBe(21);
    expect(versions.map(({ version }) => version)).toEqual(Array.from({ length: 21 }, (_, at) => 21 - at));
  });

  test('lists are paged without repeat or gap', async () => {
    const own = h.ctxFor({ tenantId: (await h.createTenant()).tenantId });
    const made: string[] = [];
    for (let at = 0; at < 5; at += 1) made.unshift((await make({}, own)).id);
    const first = await listSecrets(own, { limit: 3 });
    const second = await listSecrets(own, { limit: 3, after: first.next_cursor! });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(made);
    expect(second.next_cursor).toBeNull();
  });

  test('the status lists what is unused for 90 days and what expires within 30', async () => {
    const own = h.ctxFor({ tenantId: (await h.createTenant()).tenantId });
    const at = (days: number): string => new Date(clock.now() + days * DAY).toISOString();
    const [idle, busy] = [await make({}, own), await make({}, own)];
    const fine = await make({ expires_at: at(31) }, own);
    const later = await make({ expires_at: at(29) }, own);
    const soon = await make({ expires_at: at(1) }, own);
    const ids = async () => {
      const { unused, expiring, encryption } = await getSecretStatus(own);
      expect(encryption).toBeNull();
      return [unused, expiring].map((list) => list.map(({ id }) => id));
    };
    await own.secrets.find({ tenantId: own.principal.tenantId, name: busy.name, actor: 'a', purpose: 'p' });
    const age = (id: string, days: number, accessed?: number) =>
      h.db.kysely
        .updateTable('secrets')
        .set({
          updated_at: new Date(clock.now() - days * DAY),
          ...(accessed === undefined ? {} : { last_accessed_at: new Date(clock.now() - accessed * DAY) }),
        })
        .where('id', '=', id)
        .execute();
    await age(idle.id, 91);
    await age(busy.id, 200, 89);
    for (const { id } of [fine, later, soon]) await age(id, 1);
    expect(await ids()).toEqual([[idle.id], [soon.id, later.id]]);
    await age(busy.id, 200, 91);
    expect(await ids()).toEqual([
      [busy.id, idle.id],
      [soon.id, later.id],
    ]);
  });
});
