import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { testLimits } from '../../../test/limits.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { createLocalBus } from '../../infra/bus/local-bus.ts';
import { createMemoryStore } from '../../infra/limit/index.ts';
import type { LimitDecision, Limits } from '../ports.ts';
import { SYSTEM_TENANT } from '../audit/index.ts';
import type { LimitNumbers } from './index.ts';

const MINUTE = 60_000;
const client = { ip: '203.0.113.9', userAgent: 'curl/8' };

describe.each(ENGINES)('the stages of a limit on %s', (engine) => {
  let h: Harness;
  let clock: ManualClock;
  let opened: Limits[] = [];

  beforeAll(async () => {
    h = await openHarness({ engine });
  });
  afterEach(async () => {
    await Promise.all(opened.map((limits) => limits.close()));
    opened = [];
  });

  /** @param bus shared with other servers */
  function open(anonymous: LimitNumbers['anonymous'], bus = createLocalBus()): Limits {
    clock = opened.length === 0 ? new ManualClock() : clock;
    const services = { ...h.services, clock, bus };
    const limits = testLimits(services, { anonymous }, { store: createMemoryStore({ clock }) });
    opened.push(limits);
    return limits;
  }

  const newRequest = () => ({ policy: 'anonymous', subject: `ip:${randomUUID()}`, client, requestId: 'r-1' });
  const graduated = (minute: number, blockAfter: number | null = null) => ({
    free: { minute },
    stages: { slowUpTo: 1.2, blockAfter },
  });

  async function decide(
    limits: Limits,
    request: ReturnType<typeof newRequest>,
    times: number,
  ): Promise<string[]> {
    const seen: string[] = [];
    for (let index = 0; index < times; index += 1) seen.push((await limits.decide(request)).outcome);
    return seen;
  }

  test('BF-5.2.d rising use is warned of, then slowed down, then refused', async () => {
    const limits = open(graduated(10));
    const request = newRequest();
    const states = [];
    for (let use = 0; use < 10; use += 1) states.push((await limits.decide(request)).state!);
    expect(states.map(({ nearlyUsed }) => nearlyUsed)).toEqual([
      ...Array<boolean>(7).fill(false),
      true,
      true,
      true,
    ]);
    const delays: number[] = [];
    for (let use = 0; use < 2; use += 1) {
      let slowed: LimitDecision | null = null;
      const deciding = limits.decide(request).then((decision) => (slowed = decision));
      await vi.waitFor(() => expect(clock.pendingCount).toBeGreaterThan(0));
      let ms = 0;
      for (; slowed === null && ms <= 3000; ms += 100) {
        clock.advance(100);
        await new Promise(setImmediate);
      }
      expect((await deciding).outcome).toBe('slowed');
      delays.push(ms);
    }
    expect(delays).toEqual([1000, 2000]);
    expect(await decide(limits, request, 2)).toEqual(['refused', 'refused']);
  });

  test('holds up a hundred requests at most: more are refused at once, and none is held twice', async () => {
    const limits = open(graduated(1000));
    const request = newRequest();
    await Promise.all(Array.from({ length: 1000 }, () => limits.decide(request)));
    const all = Array.from({ length: 150 }, () => limits.decide(request));
    await vi.waitFor(() => expect(clock.pendingCount).toBe(100));
    const refused = await Promise.all(all.slice(100));
    expect(refused.every(({ outcome }) => outcome === 'refused')).toBe(true);
    clock.advance(2000);
    const slowed = await Promise.all(all.slice(0, 100));
    expect(slowed.every(({ outcome }) => outcome === 'slowed')).toBe(true);
    expect(clock.pendingCount).toBe(0);
  });

  test('repeated refusals block: 5 minutes, then 10; each block is audited once', async () => {
    const limits = open({ free: { minute: 1 }, stages: { slowUpTo: 1, blockAfter: 3 } });
    const request = newRequest();
    const blocked = async () => {
      await vi.waitFor(async () => expect((await limits.decide(request)).outcome).toBe('blocked'));
      return limits.decide(request);
    };
    expect(await decide(limits, request, 4)).toEqual(['allowed', 'refused', 'refused', 'refused']);
    const first = await blocked();
    expect(first.retryAfterMs).toBeGreaterThan(4 * MINUTE);
    expect(first.retryAfterMs).toBeLessThanOrEqual(5 * MINUTE);
    expect(first.state).toMatchObject({ remaining: 0, limit: 1 });
    await expect(limits.use(request)).rejects.toMatchObject({
      code: 'RATE_LIMIT',
      extras: { details: { policy: 'anonymous', blocked_until: expect.any(String) as string } },
    });
    await endBlock(request.subject);
    clock.advance(10 * MINUTE);
    expect(await decide(limits, request, 4)).toEqual(['allowed', 'refused', 'refused', 'refused']);
    const second = await blocked();
    expect(second.retryAfterMs).toBeGreaterThan(9 * MINUTE);
    expect(second.retryAfterMs).toBeLessThanOrEqual(10 * MINUTE);
    const entries = await blocksOf(request.subject);
    expect(entries.map(({ context }) => context.details)).toMatchObject([
      { policy: 'anonymous', level: 1 },
      { policy: 'anonymous', level: 2 },
    ]);
    expect(entries[0]).toMatchObject({ outcome: 'denied', context: { request_id: 'r-1' } });
  });

  test('blocks never last longer than a day', async () => {
    const limits = open({ free: { minute: 1 }, stages: { slowUpTo: 1, blockAfter: 1 } });
    const request = newRequest();
    await decide(limits, request, 2);
    const untilBlocked = () =>
      vi.waitFor(async () => expect((await limits.decide(request)).outcome).toBe('blocked'));
    await untilBlocked();
    await h.db.kysely
      .updateTable('limit_blocks')
      .set({ level: 40, blocked_until: new Date(Date.now() - 1000) })
      .where('subject', '=', request.subject)
      .execute();
    clock.advance(10 * MINUTE);
    await decide(limits, request, 2);
    await untilBlocked();
    const { retryAfterMs } = await limits.decide(request);
    expect(retryAfterMs).toBeGreaterThan(1430 * MINUTE);
    expect(retryAfterMs).toBeLessThanOrEqual(1440 * MINUTE);
  });

  test('two servers block a subject once, and both know', async () => {
    const bus = createLocalBus();
    const numbers = { free: { minute: 1 }, stages: { slowUpTo: 1, blockAfter: 2 } };
    const servers = [open(numbers, bus), open(numbers, bus)];
    const request = newRequest();
    await Promise.all(servers.map((limits) => decide(limits, request, 3)));
    for (const limits of servers) {
      await vi.waitFor(async () => expect((await limits.decide(request)).outcome).toBe('blocked'));
    }
    const entries = await blocksOf(request.subject);
    expect(entries).toHaveLength(1);
  });

  test('a server that hears nothing sees a block within five seconds', async () => {
    const numbers = { free: { minute: 2 }, stages: { slowUpTo: 1, blockAfter: 1 } };
    const [one, deaf] = [open(numbers), open(numbers)];
    const request = newRequest();
    expect((await deaf.decide(request)).outcome).toBe('allowed');
    await decide(one, request, 3);
    await vi.waitFor(async () => expect((await one.decide(request)).outcome).toBe('blocked'));
    clock.advance(5000);
    expect((await deaf.decide(request)).outcome).toBe('blocked');
  });

  async function blocksOf(subject: string) {
    const entries = await auditEntries(h.db, SYSTEM_TENANT, 'limit.blocked');
    return entries.filter(({ targets }) => targets.some(({ id }) => id === subject));
  }

  async function endBlock(subject: string): Promise<void> {
    await h.db.kysely
      .updateTable('limit_blocks')
      .set({ blocked_until: new Date(Date.now() - 1000) })
      .where('subject', '=', subject)
      .execute();
  }
});
