import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { testKeyRing } from '../../../test/key-ring.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { createLocalBus } from '../../infra/bus/local-bus.ts';
import type { Ctx } from '../../core/context.ts';
import { fromJson } from '../../core/wire.ts';
import {
  addSecretVersion,
  createSecret,
  deleteSecret,
  disableSecretVersion,
  getSecret,
  listSecretAccesses,
} from './index.ts';

const RUN = '0195a7f0-0000-7000-8000-000000000042';

describe.each(ENGINES)('the use of secrets on %s', (engine) => {
  let h: Harness;
  let ctx: Ctx;
  const clock = new ManualClock();
  const bus = createLocalBus();
  beforeAll(async () => {
    h = await openHarness({ engine, clock, bus });
    ctx = h.ctxFor({ tenantId: (await h.createTenant()).tenantId });
  }, 60_000);
  afterAll(() => h.close());

  const make = (input: object = {}) =>
    createSecret(ctx, { name: `s-${randomUUID()}`, kind: 'other', value: 'a value to use', ...input });
  const useOf = (name: string, more: object = {}) => ({
    tenantId: ctx.principal.tenantId,
    name,
    actor: 'agent:a',
    purpose: 'model call openai/x',
    ...more,
  });
  const accesses = async (id: string) => (await listSecretAccesses(ctx, id, { limit: 100 })).items;

  test('BF-5.4.e each read is on record with actor, purpose and run, and the record outlives the secret', async () => {
    const { id, name } = await make();
    await ctx.secrets.find(useOf(name, { runId: RUN }));
    await ctx.secrets.resolve(useOf(name, { actor: 'server:b', purpose: 'webhook' }));
    const expected = [
      { version: 1, outcome: 'granted', actor: 'server:b', purpose: 'webhook', run_id: null },
      { version: 1, outcome: 'granted', actor: 'agent:a', purpose: 'model call openai/x', run_id: RUN },
    ];
    expect(await accesses(id)).toMatchObject(expected);
    const { last_accessed_at } = await getSecret(ctx, id);
    expect(Date.parse(last_accessed_at!)).toBeGreaterThan(Date.now() - 60_000);
    await deleteSecret(ctx, id);
    expect(await accesses(id)).toMatchObject(expected);
    const first = await listSecretAccesses(ctx, id, { limit: 1 });
    expect(first.items).toMatchObject([expected[0]]);
    expect(await listSecretAccesses(ctx, id, { limit: 1, after: first.next_cursor! })).toMatchObject({
      items: [expected[1]],
      next_cursor: null,
    });
  });

  test('fifty reads at once are fifty records', async () => {
    const { id, name } = await make();
    const values = await Promise.all(Array.from({ length: 50 }, () => ctx.secrets.find(useOf(name))));
    expect(new Set(values)).toEqual(new Set(['a value to use']));
    expect(await accesses(id)).toHaveLength(50);
  });

  test('the newest version that is not disabled is used, or the one asked for', async () => {
    const { id, name } = await make({ value: 'one' });
    await addSecretVersion(ctx, id, { value: 'two' });
    expect(await ctx.secrets.find(useOf(name))).toBe('two');
    expect(await ctx.secrets.find(useOf(name, { version: 1 }))).toBe('one');
    await disableSecretVersion(ctx, id, 2);
    expect(await ctx.secrets.find(useOf(name))).toBe('one');
    const unusable = { code: 'SECRET_UNAVAILABLE', message: expect.stringContaining('no version') };
    await expect(ctx.secrets.find(useOf(name, { version: 2 }))).rejects.toMatchObject(unusable);
    await disableSecretVersion(ctx, id, 1);
    await expect(ctx.secrets.find(useOf(name))).rejects.toMatchObject(unusable);
    const outcomes = (await accesses(id)).map(({ outcome, version }) => [outcome, version]);
    expect(outcomes.slice(0, 3)).toEqual([
      ['disabled', null],
      ['disabled', null],
      ['granted', 1],
    ]);
  });

  test('an expired secret is refused with a clear error, and the attempt is on record', async () => {
    const expires_at = new Date(clock.now() + 5000).toISOString();
    const { id, name } = await make({ expires_at });
    expect(await ctx.secrets.find(useOf(name))).toBe('a value to use');
    clock.advance(5000);
    await expect(ctx.secrets.resolve(useOf(name))).rejects.toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      message: `The secret "${name}" expired at ${expires_at}.`,
    });
    expect(await accesses(id)).toMatchObject([{ outcome: 'expired' }, { outcome: 'granted' }]);
  });

  test('a kind that does not fit counts as absent', async () => {
    const { name } = await make({ kind: 'webhook_secret' });
    expect(await ctx.secrets.find(useOf(name, { kind: 'model_key' }))).toBeNull();
    await expect(ctx.secrets.resolve(useOf(name, { kind: 'model_key' }))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await ctx.secrets.find(useOf(name, { kind: 'webhook_secret' }))).toBe('a value to use');
    expect(await ctx.secrets.names(ctx.principal.tenantId, 'webhook_secret')).toContain(name);
    expect(await ctx.secrets.names(ctx.principal.tenantId, 'model_key')).not.toContain(name);
  });

  test('cipher text moved to another version, secret or tenant does not open', async () => {
    const [one, two] = [await make({ value: 'of the first' }), await make({ value: 'of the second' })];
    await addSecretVersion(ctx, one.id, { value: 'of the first, later' });
    const stranger = h.ctxFor({ tenantId: (await h.createTenant()).tenantId });
    const three = await createSecret(stranger, { name: 'three', kind: 'other', value: 'of a stranger' });
    const rowOf = (id: string, version: number) =>
      h.db.kysely
        .selectFrom('secret_versions')
        .select(['key_id', 'wrapped_dek', 'ciphertext'])
        .where('secret_id', '=', id)
        .where('version', '=', version)
        .executeTakeFirstOrThrow();
    const target = () =>
      h.db.kysely.updateTable('secret_versions').where('secret_id', '=', two.id).where('version', '=', 1);
    const own = await rowOf(two.id, 1);
    const failure = { code: 'SECRET_UNAVAILABLE', message: expect.stringContaining('cannot be decrypted') };
    const foreign = [await rowOf(one.id, 1), await rowOf(one.id, 2), await rowOf(three.id, 1)];
    const parts = foreign.flatMap((row) => [
      row,
      { ciphertext: row.ciphertext },
      { wrapped_dek: row.wrapped_dek },
    ]);
    for (const part of parts) {
      await target().set(part).execute();
      await expect(ctx.secrets.find(useOf(two.name))).rejects.toMatchObject(failure);
      await target().set(own).execute();
    }
    expect(await ctx.secrets.find(useOf(two.name))).toBe('of the second');
    const [later, earlier] = [await rowOf(one.id, 2), await rowOf(one.id, 1)];
    await h.db.kysely
      .updateTable('secret_versions')
      .set(earlier)
      .where('secret_id', '=', one.id)
      .where('version', '=', 2)
      .execute();
    await expect(ctx.secrets.find(useOf(one.name))).rejects.toMatchObject(failure);
    expect(later.ciphertext).not.toEqual(earlier.ciphertext);
  });

  test('a server without the key says so and names no value', async () => {
    const { name } = await make();
    const other = h.otherServices({ clock, keyRing: testKeyRing('another') });
    await expect(other.secrets.find(useOf(name))).rejects.toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      message: `The secret "${name}" cannot be decrypted.`,
    });
  });

  describe('that a tenant has none', () => {
    const queriesOf = (services: { db: { transaction: unknown } }) =>
      vi.spyOn(services.db as { transaction(): Promise<unknown> }, 'transaction');

    test('is known for 30 seconds without a query', async () => {
      const name = `none-${randomUUID()}`;
      const spy = queriesOf(ctx);
      try {
        for (let at = 0; at < 3; at += 1) expect(await ctx.secrets.find(useOf(name))).toBeNull();
        expect(spy).toHaveBeenCalledTimes(1);
        clock.advance(30_000);
        expect(await ctx.secrets.find(useOf(name))).toBeNull();
        expect(spy).toHaveBeenCalledTimes(2);
      } finally {
        spy.mockRestore();
      }
    });

    test('ends at once on every server that hears of the new secret, and by itself on one that does not', async () => {
      const name = `late-${randomUUID()}`;
      const [hears, deaf] = [h.otherServices({ clock, bus }), h.otherServices({ clock })];
      for (const services of [ctx, hears, deaf]) expect(await services.secrets.find(useOf(name))).toBeNull();
      await make({ name });
      for (const services of [ctx, hears]) {
        expect(await services.secrets.find(useOf(name))).toBe('a value to use');
      }
      expect(await deaf.secrets.find(useOf(name))).toBeNull();
      clock.advance(30_000);
      expect(await deaf.secrets.find(useOf(name))).toBe('a value to use');
    });

    test('is not kept when the secret came while it was looked for', async () => {
      const name = `race-${randomUUID()}`;
      const services = h.otherServices({ clock, bus });
      const { db } = services;
      const look = db.transaction.bind(db);
      const spy = vi.spyOn(db, 'transaction').mockImplementationOnce(async (work) => {
        const result = await look(work);
        await make({ name });
        return result;
      });
      expect(await services.secrets.find(useOf(name))).toBeNull();
      spy.mockRestore();
      expect(await services.secrets.find(useOf(name))).toBe('a value to use');
    });

    test('a change is never used late: what is disabled or deleted ends with its commit, without any hint', async () => {
      const deaf = h.otherServices({ clock });
      const { id, name } = await make();
      expect(await deaf.secrets.find(useOf(name))).toBe('a value to use');
      await addSecretVersion(ctx, id, { value: 'newer' });
      expect(await deaf.secrets.find(useOf(name))).toBe('newer');
      await disableSecretVersion(ctx, id, 2);
      expect(await deaf.secrets.find(useOf(name))).toBe('a value to use');
      await deleteSecret(ctx, id);
      expect(await deaf.secrets.find(useOf(name))).toBeNull();
    });
  });

  test('no value is in the record of its use', async () => {
    const { name } = await make({ value: 'never-written-down' });
    await ctx.secrets.find(useOf(name));
    const rows = await h.db.kysely
      .selectFrom('secret_accesses')
      .selectAll()
      .where('secret_name', '=', name)
      .execute();
    expect(rows).toHaveLength(1);
    expect(fromJson<object>(JSON.stringify(rows))).not.toMatchObject([{ value: expect.anything() }]);
    expect(JSON.stringify(rows)).not.toContain('never-written-down');
  });
});
