import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { HOUR } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Db } from '../ports.ts';
import { SigningKeyRing } from './index.ts';

describe.each(ENGINES)('the ring of signing keys on %s', (engine) => {
  let h: Harness;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 30_000);
  afterAll(() => h.close());

  /** A ring, and how often it has asked the database. */
  function openRing() {
    const clock = new ManualClock();
    const count = { queries: 0 };
    const db = new Proxy(h.db, {
      get(target, name) {
        if (name === 'kysely' || name === 'query') count.queries += 1;
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    }) as Db;
    return { clock, count, ring: new SigningKeyRing({ db, clock }) };
  }

  it('makes the first key once, whoever asks', async () => {
    await h.db.kysely.deleteFrom('signing_keys').execute();
    const kids = await Promise.all([0, 1, 2].map(() => openRing().ring.active()));
    expect(new Set(kids).size).toBe(1);
  });

  it('asks nothing for a key it knows, and looks again after ten seconds', async () => {
    const { ring, clock, count } = openRing();
    const kid = await ring.active();
    await ring.verifies(kid);
    const asked = count.queries;
    for (let n = 0; n < 100; n += 1) expect(await ring.verifies(kid)).toBe(true);
    expect(count.queries).toBe(asked);
    clock.advance(10_000);
    await Promise.all([ring.verifies(kid), ring.verifies(kid)]);
    expect(count.queries).toBe(asked + 1);
  });

  it('spends one query a second on all forged ids together', async () => {
    const { ring, clock, count } = openRing();
    await ring.verifies(await ring.active());
    const asked = count.queries;
    const forged = Array.from({ length: 500 }, () => ring.verifies(randomUUID()));
    const answers = Promise.all(forged);
    await drain();
    expect(count.queries).toBe(asked);
    clock.advance(1000);
    expect(new Set(await answers)).toEqual(new Set([false]));
    expect(count.queries).toBe(asked + 1);
  });

  it('finds a key that another server made a moment ago, even among forged ones', async () => {
    const { ring, clock } = openRing();
    await ring.verifies(await ring.active());
    const forged = ring.verifies(randomUUID());
    const kid = randomUUID();
    const retires_at = new Date(clock.now() + HOUR);
    await h.db.kysely
      .insertInto('signing_keys')
      .values({ kid, created_at: new Date(clock.now()), created_by: 'test', retires_at })
      .execute();
    const found = ring.verifies(kid);
    await drain();
    clock.advance(1000);
    expect(await Promise.all([forged, found])).toEqual([false, true]);
  });

  it('works again once the database does', async () => {
    const clock = new ManualClock();
    let away = true;
    const db = new Proxy(h.db, {
      get(target, name) {
        if (away) throw new Error('the database is away');
        return Reflect.get(target, name, target) as unknown;
      },
    }) as Db;
    const kid = await openRing().ring.active();
    const ring = new SigningKeyRing({ db, clock });
    await expect(ring.verifies(kid)).rejects.toThrow('away');
    away = false;
    expect(await ring.verifies(kid)).toBe(true);
  });
});

/** Lets every promise that is ready go on. */
async function drain(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
