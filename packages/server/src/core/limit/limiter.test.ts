import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openHarness, type Harness } from '../../../test/harness.ts';
import { storeEngines } from '../../../test/limit-stores.ts';
import { testLimits } from '../../../test/limits.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { createLocalBus } from '../../infra/bus/local-bus.ts';
import { createMemoryStore } from '../../infra/limit/index.ts';
import { DomainError } from '../errors.ts';
import type { LimitDecision, Limits } from '../ports.ts';
import type { LimitNumbers } from './index.ts';

let h: Harness;
let opened: Limits[] = [];

beforeAll(async () => {
  h = await openHarness();
});
afterEach(async () => {
  await Promise.all(opened.map((limits) => limits.close()));
  opened = [];
});

/** A server's limiter on that store. */
async function open(
  engine: { open: ReturnType<typeof storeEngines>[number]['open'] },
  numbers: LimitNumbers,
): Promise<Limits> {
  const limits = testLimits(h.services, numbers, { store: await engine.open() });
  opened.push(limits);
  return limits;
}

const outcomes = (decisions: readonly LimitDecision[]) =>
  decisions.filter(({ outcome }) => outcome === 'allowed').length;

describe.each(storeEngines())('the limiter on $name', (engine) => {
  test('100 at once against a limit of 10: exactly 10 pass, the others are told when to come again', async () => {
    const limits = await open(engine, { fleet: { minute: 10 } });
    const subject = `key:${randomUUID()}`;
    const uses = await Promise.allSettled(
      Array.from({ length: 100 }, () => limits.use({ policy: 'fleet', subject })),
    );
    expect(uses.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    for (const use of uses) {
      if (use.status === 'fulfilled') continue;
      const error = use.reason as DomainError;
      expect(error).toMatchObject({
        code: 'RATE_LIMIT',
        extras: { details: { policy: 'fleet', limit: 10 } },
      });
      expect(error.extras.retryAfter).toBeGreaterThan(50);
      expect(error.extras.retryAfter).toBeLessThanOrEqual(60);
    }
  });

  test('B-43 what remains falls by one with each use, and never below zero', async () => {
    const limits = await open(engine, { fleet: { minute: 3 } });
    const subject = `key:${randomUUID()}`;
    const seen: (number | undefined)[] = [];
    for (let use = 0; use < 5; use += 1) {
      const { state } = await limits.decide({ policy: 'fleet', subject });
      seen.push(state?.remaining);
      expect(state).toMatchObject({ policy: 'fleet', limit: 3, windowMs: 60_000, nearlyUsed: use >= 2 });
      expect(state!.resetAt).toBeGreaterThan(Date.now() + 50_000);
      expect(state!.resetAt).toBeLessThanOrEqual(Date.now() + 60_001);
    }
    expect(seen).toEqual([2, 1, 0, 0, 0]);
  });

  test('of a large limit no more than it passes, and no less', async () => {
    const limits = await open(engine, { fleet: { minute: 1000 } });
    const request = { policy: 'fleet', subject: `key:${randomUUID()}` };
    const first = await limits.decide(request);
    expect(first.state?.remaining).toBe(999);
    const all = await Promise.all(Array.from({ length: 1500 }, () => limits.decide(request)));
    expect(outcomes(all)).toBe(999);
    expect((await limits.peek(request))?.remaining).toBe(0);
  });

  test('what a tenant uses under a name is not what another one uses under the same', async () => {
    const limits = await open(engine, { fleet: { minute: 1 } });
    const [a, b] = [randomUUID(), randomUUID()];
    const use = async (tenantId: string) =>
      (await limits.decide({ policy: 'fleet', subject: 'key:same', tenantId })).outcome;
    expect([await use(a), await use(a), await use(b)]).toEqual(['allowed', 'refused', 'allowed']);
    await limits.reset({ policy: 'fleet', subject: 'key:same', tenantId: b });
    expect([await use(a), await use(b)]).toEqual(['refused', 'allowed']);
  });

  test('B-46 a tier has its own numbers, and hours and days count as minutes do', async () => {
    const numbers = { fleet: { free: { minute: 1 }, pro: { minute: 5, hour: 2 }, enterprise: { day: 3 } } };
    const limits = await open(engine, numbers);
    const passes = async (tier: 'free' | 'pro' | 'enterprise') => {
      const request = { policy: 'fleet', subject: `key:${randomUUID()}`, tier };
      const decisions = [];
      for (let use = 0; use < 6; use += 1) decisions.push(await limits.decide(request));
      return { passed: outcomes(decisions), windowMs: decisions.at(-1)!.state?.windowMs };
    };
    expect(await passes('free')).toEqual({ passed: 1, windowMs: 60_000 });
    expect(await passes('pro')).toEqual({ passed: 2, windowMs: 3_600_000 });
    expect(await passes('enterprise')).toEqual({ passed: 3, windowMs: 86_400_000 });
  });

  test('BF-5.2.b a burst passes at once, then one by one', async () => {
    const limits = await open(engine, { fleet: { minute: 60, burst: 5 } });
    const request = { policy: 'fleet', subject: `key:${randomUUID()}` };
    const all = await Promise.all(Array.from({ length: 20 }, () => limits.decide(request)));
    expect(outcomes(all)).toBe(5);
    const refused = all.find(({ outcome }) => outcome === 'refused');
    expect(refused).toMatchObject({ state: { limit: 5, remaining: 0 } });
    expect(refused!.retryAfterMs).toBeLessThanOrEqual(1000);
  });
});

const shared = storeEngines().filter(({ name }) => !/memory|pglite/.test(name));

describe.each(shared)('two servers on $name', (engine) => {
  test('100 at once over both, against a limit of 10: exactly 10 pass', async () => {
    const servers = [
      await open(engine, { fleet: { minute: 10 } }),
      await open(engine, { fleet: { minute: 10 } }),
    ];
    const subject = `key:${randomUUID()}`;
    const all = Array.from({ length: 100 }, (_, index) =>
      servers[index % 2]!.decide({ policy: 'fleet', subject }),
    );
    expect(outcomes(await Promise.all(all))).toBe(10);
  });

  test('shares of a large limit never add up to more, and leave little unused', async () => {
    const numbers = { fleet: { minute: 1000 } };
    const servers = [await open(engine, numbers), await open(engine, numbers)];
    const request = { policy: 'fleet', subject: `key:${randomUUID()}` };
    const all = Array.from({ length: 3000 }, (_, index) => servers[index % 2]!.decide(request));
    const passed = outcomes(await Promise.all(all));
    expect(passed).toBeLessThanOrEqual(1000);
    expect(passed).toBeGreaterThanOrEqual(980);
  });

  test('a reset on one is seen by the other, which had refused', async () => {
    const bus = createLocalBus();
    const [one, other] = await Promise.all(
      [1, 2].map(async () => {
        const services = { ...h.services, bus };
        const limits = testLimits(services, { fleet: { minute: 1 } }, { store: await engine.open() });
        opened.push(limits);
        return limits;
      }),
    );
    const request = { policy: 'fleet', subject: `key:${randomUUID()}` };
    await other!.decide(request);
    expect((await other!.decide(request)).outcome).toBe('refused');
    await one!.reset(request);
    await expect.poll(async () => (await other!.decide(request)).outcome).toBe('allowed');
  });
});

describe('the limiter', () => {
  test('refuses to count inside a transaction, which would wait for the counter', async () => {
    await expect(
      h.db.transaction(() => h.services.limits.use({ policy: 'login', subject: 'x' })),
    ).rejects.toThrow(/inside a transaction/);
  });

  test('does not know policies that nobody declared', async () => {
    await expect(h.services.limits.use({ policy: 'nonsense', subject: 'x' })).rejects.toThrow(
      /no rate limit policy/,
    );
  });

  test('lets everything through a policy without numbers', async () => {
    const limits = testLimits(h.services, { fleet: {} });
    opened.push(limits);
    expect(await limits.decide({ policy: 'fleet', subject: 'x' })).toEqual({
      outcome: 'allowed',
      state: null,
      retryAfterMs: 0,
    });
    expect((await limits.use({ policy: 'fleet', subject: 'x' })).remaining).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('gives everything back when the window has passed', async () => {
    const clock = new ManualClock();
    const services = { ...h.services, clock };
    const limits = testLimits(services, { login: { minute: 2 } }, { store: createMemoryStore({ clock }) });
    opened.push(limits);
    const request = { policy: 'login', subject: 'ip:203.0.113.1 email:a@b.example' };
    const outcome = async () => (await limits.decide(request)).outcome;
    expect([await outcome(), await outcome(), await outcome()]).toEqual(['allowed', 'allowed', 'refused']);
    clock.advance(59_999);
    expect(await outcome()).toBe('refused');
    clock.advance(1);
    expect(await outcome()).toBe('allowed');
  });
});
