import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NaiveLimit } from '../../../test/limit-model.ts';
import { storeEngines, StoreTime } from '../../../test/limit-stores.ts';
import type { LimitRules, LimitStore } from '../../core/ports.ts';
import { createMemoryStore } from './memory.ts';

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;

const perMinute = (limit: number): LimitRules => ({ windows: [limit, null, null], burst: null });
const burstOf = (size: number, intervalUs: number): LimitRules => ({
  windows: [null, null, null],
  burst: { size, intervalUs },
});

const someRules = fc.record({
  windows: fc.tuple(
    fc.option(fc.integer({ min: 1, max: 6 })),
    fc.option(fc.integer({ min: 1, max: 12 })),
    fc.option(fc.integer({ min: 1, max: 20 })),
  ),
  burst: fc.option(
    fc.record({
      size: fc.integer({ min: 1, max: 5 }),
      // Also such that no whole number of them makes a minute.
      intervalUs: fc.oneof(
        fc.constantFrom(1, 7, Math.ceil(MINUTE / 7)),
        fc.integer({ min: 1, max: 5 * MINUTE }),
      ),
    }),
  ),
});
const someSteps = fc.array(
  fc.record({
    pauseUs: fc.oneof(
      fc.constantFrom(0, 0, 1, SECOND, MINUTE - 1, MINUTE, 60 * MINUTE, 1440 * MINUTE),
      fc.integer({ min: 0, max: 10 * MINUTE }),
    ),
    cost: fc.constantFrom(1, 1, 1, 0, 2, 5),
  }),
  { minLength: 1, maxLength: 40 },
);

describe.each(storeEngines())('the limit store on $name', ({ open }) => {
  let time: StoreTime;
  let store: LimitStore;
  const take = (subject: string, rules: LimitRules, cost = 1) =>
    store.take({ policy: 'p', subject, rules, cost });

  beforeAll(async () => {
    time = new StoreTime();
    store = await open(time);
  });
  afterAll(() => store.close());

  test('decides as the naive model does, whatever comes when', { timeout: 60_000 }, async () => {
    const property = fc.asyncProperty(someRules, someSteps, async (rules, steps) => {
      const model = new NaiveLimit(rules);
      const subject = randomUUID();
      for (const { pauseUs, cost } of steps) {
        time.us += pauseUs;
        const count = await take(subject, rules, cost);
        expect(count.taken).toBe(model.take(cost, time.us));
        expect(count.nowUs).toBe(time.us);
        rules.windows.forEach((limit, window) => {
          if (limit !== null) expect(count.windows[window]!.used).toBe(model.used(window, time.us));
        });
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test('counts as the memory store does, also while the numbers change', { timeout: 60_000 }, async () => {
    const memory = createMemoryStore({ clock: { monotonic: () => time.us / 1000 } });
    const changing = fc.array(fc.tuple(someRules, someSteps), { minLength: 2, maxLength: 4 });
    const property = fc.asyncProperty(changing, async (phases) => {
      const subject = randomUUID();
      for (const [rules, steps] of phases) {
        for (const { pauseUs, cost } of steps.slice(0, 10)) {
          time.us += pauseUs;
          const same = { policy: 'p', subject, rules, cost };
          expect(await store.take(same)).toEqual(await memory.take(same));
        }
      }
    });
    await fc.assert(property, { numRuns: 40 });
  });

  test('of 100 at once against a limit of 10 exactly 10 are taken', async () => {
    for (const rules of [perMinute(10), burstOf(10, SECOND)]) {
      const subject = randomUUID();
      const counts = await Promise.all(Array.from({ length: 100 }, () => take(subject, rules)));
      expect(counts.filter(({ taken }) => taken)).toHaveLength(10);
    }
  });

  test('a window begins with its first use and ends a minute later, to the microsecond', async () => {
    const subject = randomUUID();
    time.us += 12_345;
    const first = await take(subject, perMinute(1));
    expect(first).toMatchObject({ taken: true, windows: [{ endUs: time.us + MINUTE, used: 1 }, {}, {}] });
    time.us += MINUTE - 1;
    expect(await take(subject, perMinute(1))).toMatchObject({ taken: false, windows: first.windows });
    time.us += 1;
    expect((await take(subject, perMinute(1))).taken).toBe(true);
  });

  test('a burst comes back one by one', async () => {
    const subject = randomUUID();
    const rules = burstOf(3, SECOND);
    const takes = async (): Promise<number> => {
      let taken = 0;
      while ((await take(subject, rules)).taken) taken += 1;
      return taken;
    };
    expect(await takes()).toBe(3);
    time.us += SECOND - 1;
    expect(await takes()).toBe(0);
    time.us += 1;
    expect(await takes()).toBe(1);
    time.us += 2 * SECOND;
    expect(await takes()).toBe(2);
    time.us += 60 * SECOND;
    expect(await takes()).toBe(3);
  });

  test('all windows must have room, and a refusal takes from none', async () => {
    const subject = randomUUID();
    const rules: LimitRules = { windows: [5, 6, null], burst: { size: 4, intervalUs: SECOND } };
    expect(await take(subject, rules, 5)).toMatchObject({
      taken: false,
      windows: [{ used: 0 }, { used: 0 }, {}],
    });
    expect((await take(subject, rules, 4)).taken).toBe(true);
    expect((await take(subject, rules)).taken).toBe(false);
    time.us += MINUTE;
    expect(await take(subject, rules, 3)).toMatchObject({
      taken: false,
      windows: [{ used: 0 }, { used: 4 }, {}],
    });
    expect((await take(subject, rules, 2)).taken).toBe(true);
  });

  test('other numbers hold at once: raised, lowered, and another rate', async () => {
    const subject = randomUUID();
    await take(subject, perMinute(10), 10);
    expect((await take(subject, perMinute(10))).taken).toBe(false);
    expect((await take(subject, perMinute(11))).taken).toBe(true);
    expect((await take(subject, perMinute(5))).taken).toBe(false);
    const other = randomUUID();
    await take(other, burstOf(10, 6 * SECOND), 10);
    expect((await take(other, burstOf(10, 6 * SECOND))).taken).toBe(false);
    const raised = burstOf(20, SECOND);
    expect((await take(other, raised, 10)).taken).toBe(true);
    expect((await take(other, raised)).taken).toBe(false);
  });

  test('subjects and policies are apart; forgetting one leaves the others', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const one = perMinute(1);
    const other = { policy: 'q', subject: a, rules: one, cost: 1 };
    expect([(await take(a, one)).taken, (await take(b, one)).taken]).toEqual([true, true]);
    expect((await store.take(other)).taken).toBe(true);
    await store.forget('p', a);
    expect([(await take(a, one)).taken, (await take(b, one)).taken]).toEqual([true, false]);
    expect((await store.take(other)).taken).toBe(false);
  });

  test('purging drops what has ended, and nothing else', async () => {
    const [ended, open] = [randomUUID(), randomUUID()];
    await take(ended, perMinute(1));
    time.us += MINUTE + 1;
    await take(open, perMinute(1));
    await store.purge();
    expect((await take(ended, perMinute(1))).taken).toBe(true);
    expect((await take(open, perMinute(1))).taken).toBe(false);
  });

  test('its own clock runs on: microseconds, and windows in the future', async () => {
    const own = await open();
    const subject = randomUUID();
    const first = await own.take({ policy: 'p', subject, rules: perMinute(5), cost: 1 });
    const second = await own.take({ policy: 'p', subject, rules: perMinute(5), cost: 1 });
    expect(second.nowUs).toBeGreaterThan(first.nowUs);
    expect(second.nowUs - first.nowUs).toBeLessThan(20 * SECOND);
    expect(second.windows[0]).toEqual({ endUs: first.nowUs + MINUTE, used: 2 });
    await own.close();
  });
});

describe.each(storeEngines().filter(({ name }) => !/memory|pglite/.test(name)))(
  'two servers on $name',
  (engine) => {
    test('of 100 at once over both, against a limit of 10, exactly 10 are taken', async () => {
      const servers = await Promise.all([engine.open(), engine.open()]);
      for (const rules of [perMinute(10), burstOf(10, MINUTE)]) {
        const subject = randomUUID();
        const takes = Array.from({ length: 100 }, (_, index) =>
          servers[index % 2]!.take({ policy: 'p', subject, rules, cost: 1 }),
        );
        expect((await Promise.all(takes)).filter(({ taken }) => taken)).toHaveLength(10);
      }
      await Promise.all(servers.map((server) => server.close()));
    });
  },
);

test('memory keeps a bounded number of subjects per policy, and of each policy its own', async () => {
  const store = createMemoryStore({ clock: { monotonic: () => 1000 }, maxSubjects: 3 });
  const use = async (policy: string, subject: string) =>
    (await store.take({ policy, subject, rules: perMinute(1), cost: 1 })).taken;
  expect(await use('login', 'victim')).toBe(true);
  for (let flood = 0; flood < 100; flood += 1) await use('anonymous', `ip:${flood}`);
  expect(await use('login', 'victim')).toBe(false);
  expect(await use('anonymous', 'ip:99')).toBe(false);
  expect(await use('anonymous', 'ip:0')).toBe(true);
});
