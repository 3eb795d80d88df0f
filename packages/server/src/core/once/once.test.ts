import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Ctx } from '../context.ts';
import { purgeIdempotencyKeys, transactOnce } from './index.ts';

const open: Harness[] = [];
afterEach(async () => {
  for (const h of open.splice(0)) await h.close();
});

async function setUp(engine: 'pglite' | 'postgres') {
  const h = await openHarness({ engine });
  open.push(h);
  const { tenantId } = await h.createTenant();
  const base = h.ctxFor({ tenantId });
  let replays = 0;
  const withKey = (key: string): Ctx => ({ ...base, idempotencyKey: key, onReplay: () => void replays++ });
  return { h, tenantId, base, withKey, replays: () => replays };
}

const age = (h: Harness, key: string, hours: number) =>
  h.db.kysely
    .updateTable('idempotency_keys')
    .set({ created_at: sql<Date>`clock_timestamp() - ${`${hours} hours`}::interval` })
    .where('key', '=', key)
    .execute();

describe.each(ENGINES)('transactOnce on %s', (engine) => {
  it('works once, then gives the stored result, whatever the order of the fields', async () => {
    const { withKey, replays } = await setUp(engine);
    const ctx = withKey(randomUUID());
    const first = await transactOnce(ctx, 'x.make', { a: 1, b: { c: 2, d: 3 } }, async () => ({ n: 1 }));
    const again = await transactOnce(ctx, 'x.make', { b: { d: 3, c: 2 }, a: 1 }, async () => ({ n: 2 }));
    expect([first, again, replays()]).toEqual([{ n: 1 }, { n: 1 }, 1]);
  });

  it('refuses the key for another input, and keeps verbs and tenants apart', async () => {
    const { h, withKey } = await setUp(engine);
    const ctx = withKey(randomUUID());
    await transactOnce(ctx, 'x.make', { a: 1 }, async () => ({ n: 1 }));
    const other = transactOnce(ctx, 'x.make', { a: 2 }, async () => ({ n: 2 }));
    await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
    expect(await transactOnce(ctx, 'y.make', { a: 2 }, async () => ({ n: 3 }))).toEqual({ n: 3 });
    const { tenantId } = await h.createTenant();
    const theirs = { ...h.ctxFor({ tenantId }), idempotencyKey: ctx.idempotencyKey };
    expect(await transactOnce(theirs, 'x.make', { a: 2 }, async () => ({ n: 4 }))).toEqual({ n: 4 });
  });

  it('gives twins at the same time one result', async () => {
    const { withKey, replays } = await setUp(engine);
    const ctx = withKey(randomUUID());
    let worked = 0;
    const twins = Array.from({ length: 20 }, () =>
      transactOnce(ctx, 'x.make', {}, async () => ({ n: (worked += 1) })),
    );
    expect(new Set((await Promise.all(twins)).map(({ n }) => n))).toEqual(new Set([1]));
    expect([worked, replays()]).toEqual([1, 19]);
  });

  it('refuses a twin while the first goes on for long, in time and with Retry-After', async () => {
    const { h, base } = await setUp(engine);
    const key = randomUUID();
    const clock = new ManualClock();
    const ctx = { ...base, clock, idempotencyKey: key };
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const first = transactOnce(ctx, 'x.make', {}, async () => {
      begun.resolve();
      await go.promise;
      return { n: 1 };
    });
    await begun.promise;
    const twin = transactOnce(ctx, 'x.make', {}, async () => ({ n: 2 }));
    const refusal = { code: 'IDEMPOTENCY_IN_FLIGHT', extras: { retryAfter: 1 } };
    const refused = expect(twin).rejects.toMatchObject(refusal);
    clock.advance(2000);
    await refused;
    if (engine === 'postgres') {
      // Another server shares nothing with this one but the database.
      const elsewhere = { ...ctx, db: Object.create(h.db) as typeof h.db };
      elsewhere.db.transaction = (work) => h.db.transaction(work);
      const far = transactOnce(elsewhere, 'x.make', {}, async () => ({ n: 3 }));
      await expect(far).rejects.toMatchObject(refusal);
    }
    go.resolve();
    expect(await first).toEqual({ n: 1 });
    expect(await transactOnce(ctx, 'x.make', {}, async () => ({ n: 4 }))).toEqual({ n: 1 });
  });

  it('stores no failure: the same key may be tried again', async () => {
    const { withKey } = await setUp(engine);
    const ctx = withKey(randomUUID());
    const failing = transactOnce(ctx, 'x.make', {}, async () => {
      throw new Error('not today');
    });
    await expect(failing).rejects.toThrow('not today');
    expect(await transactOnce(ctx, 'x.make', {}, async () => ({ n: 1 }))).toEqual({ n: 1 });
  });

  it('forgets a key after 24 hours, with or without the purge', async () => {
    const { h, withKey } = await setUp(engine);
    const [young, old, purged] = [randomUUID(), randomUUID(), randomUUID()];
    for (const key of [young, old, purged])
      await transactOnce(withKey(key), 'x.make', {}, async () => ({ n: 1 }));
    await age(h, young, 23.9);
    await age(h, old, 24.1);
    await age(h, purged, 24.1);
    const again = (key: string) => transactOnce(withKey(key), 'x.make', {}, async () => ({ n: 2 }));
    expect(await again(young)).toEqual({ n: 1 });
    expect(await again(old)).toEqual({ n: 2 });
    expect(await purgeIdempotencyKeys(h.services)).toBeGreaterThanOrEqual(1);
    const left = await h.db.kysely
      .selectFrom('idempotency_keys')
      .select('key')
      .where('key', 'in', [young, old, purged])
      .execute();
    expect(left.map(({ key }) => key).sort()).toEqual([young, old].sort());
  });
});
