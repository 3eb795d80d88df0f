import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openHarness, type Harness } from '../../../test/harness.ts';
import { testLimits } from '../../../test/limits.ts';
import { findRedisServer, PrivateRedis } from '../../../test/private-redis.ts';
import { createMemoryStore, createRedisStore } from '../../infra/limit/index.ts';
import type { Limits, LimitStore, Logger } from '../ports.ts';

const numbers = { fleet: { minute: 3 }, login: { minute: 3 } };

describe.skipIf(findRedisServer() === null)('while the store does not answer', () => {
  let h: Harness;
  let redis: PrivateRedis;
  let store: LimitStore;
  let limits: Limits;
  let failures = 0;
  const warnings: string[] = [];
  const logger: Logger = {
    debug() {},
    info: (_fields, message) => void warnings.push(message),
    warn: (_fields, message) => void warnings.push(message),
    error() {},
  };

  beforeAll(async () => {
    h = await openHarness();
  });
  beforeEach(async () => {
    redis = await PrivateRedis.start();
    store = await createRedisStore({ url: redis.url });
    const services = { ...h.services, logger };
    const fallback = createMemoryStore(services);
    limits = testLimits(services, numbers, { store, fallback, onFailure: () => (failures += 1) });
    warnings.length = 0;
    failures = 0;
  });
  afterEach(async () => {
    redis.thaw();
    await redis.stop();
    await limits.close();
  });
  afterAll(() => h.close());

  const fleet = () => ({ policy: 'fleet', subject: `key:${randomUUID()}` });
  const login = () => ({ policy: 'login', subject: `ip:203.0.113.5 email:${randomUUID()}@a.example` });
  const outcome = async (request: { policy: string; subject: string }) =>
    (await limits.decide(request)).outcome;

  test('B-47 what fails open passes, counted by this server alone; one warning', async () => {
    await redis.stop();
    const request = fleet();
    const seen = [];
    for (let use = 0; use < 5; use += 1) seen.push(await outcome(request));
    expect(seen).toEqual(['allowed', 'allowed', 'allowed', 'refused', 'refused']);
    expect(warnings.filter((text) => text.includes('cannot be counted'))).toHaveLength(1);
    expect(failures).toBeGreaterThan(0);
  });

  test('logins and their like are refused with 503 instead of let through uncounted', async () => {
    await redis.stop();
    expect(await outcome(login())).toBe('unavailable');
    await expect(limits.use(login())).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      extras: { retryAfter: 1, details: { policy: 'login' } },
    });
  });

  test('a store that hangs costs a quarter of a second once, not each request', async () => {
    expect(await outcome(fleet())).toBe('allowed');
    redis.freeze();
    const began = performance.now();
    for (let use = 0; use < 20; use += 1) expect(await outcome(fleet())).toBe('allowed');
    const ms = performance.now() - began;
    expect(ms).toBeGreaterThan(200);
    expect(failures).toBeLessThanOrEqual(1 + ms / 1000);
  });

  test('counting goes on where it was as soon as the store is back', async () => {
    const request = login();
    expect(await outcome(request)).toBe('allowed');
    redis.freeze();
    expect(await outcome(login())).toBe('unavailable');
    redis.thaw();
    await vi.waitFor(async () => expect(await outcome(login())).toBe('allowed'), { timeout: 5000 });
    expect(warnings.at(-1)).toMatch(/counted again/);
    expect((await limits.peek(request))?.remaining).toBe(2);
  });
});
