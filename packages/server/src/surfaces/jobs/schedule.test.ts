import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { openRuns, type Runs } from '../../../test/run-fixture.ts';
import { claimSession } from '../../core/run/index.ts';
import { getSession } from '../../core/session/index.ts';
import { createSchedule, type Schedule } from './schedule.ts';

const SCAN_MS = 5000;
const TTL_MS = 15_000;

describe.each(ENGINES)('the schedule on %s', (engine) => {
  let t: Runs;
  let schedule: Schedule | null = null;

  beforeAll(async () => {
    t = await openRuns(engine);
  }, 60_000);
  afterAll(() => {
    schedule?.stop();
    return t.h.close();
  });

  const state = async (id: string) => (await getSession(t.ctx, id)).lease.state;

  function start(clock: ManualClock): void {
    schedule?.stop();
    schedule = createSchedule(t.h.otherServices({ clock }), SCAN_MS);
    schedule.start();
  }

  async function outside(): Promise<string> {
    const { id } = await t.session({ agent_id: null });
    await claimSession(t.ctx, id, { holder: 'tab' });
    await t.silence(id);
    return id;
  }

  async function inside(): Promise<string> {
    const { id } = await t.session();
    await t.post(id, 'hello');
    await t.claim(id);
    await t.silence(id);
    return id;
  }

  test('finds dead servers at once, and holders outside after one TTL of grace', async () => {
    const clock = new ManualClock();
    const [tab, server] = [await outside(), await inside()];
    start(clock);
    await vi.waitFor(async () => expect(await state(server)).toBe('stalled'));
    expect(await state(tab)).toBe('held');
    for (let now = SCAN_MS; now < TTL_MS; now += SCAN_MS) {
      const witness = await inside();
      clock.advance(SCAN_MS);
      await vi.waitFor(async () => expect(await state(witness)).toBe('stalled'));
      expect(await state(tab)).toBe('held');
    }
    clock.advance(SCAN_MS);
    await vi.waitFor(async () => expect(await state(tab)).toBe('stalled'));
  });

  test('after a gap in its own ticks, holders outside have a TTL again to speak up', async () => {
    const clock = new SleepyClock();
    start(clock);
    for (let tick = 0; tick < 4; tick += 1) await scan(clock);
    const tab = await outside();
    await scan(clock, SCAN_MS * 10);
    expect(await state(tab)).toBe('held');
    for (let now = 0; now < TTL_MS; now += SCAN_MS) {
      expect(await state(tab)).toBe('held');
      await scan(clock);
    }
    expect(await state(tab)).toBe('stalled');
  });

  test('stop ends its timers', () => {
    const clock = new ManualClock();
    const services = t.h.otherServices({ clock });
    const before = clock.pendingCount;
    const own = createSchedule(services, SCAN_MS);
    own.start();
    expect(clock.pendingCount).toBeGreaterThan(before);
    own.stop();
    expect(clock.pendingCount).toBe(before);
  });

  /** One tick, waited for by the server lease that it stalls. */
  async function scan(clock: ManualClock, sleptMs = 0): Promise<void> {
    const witness = await inside();
    if (clock instanceof SleepyClock) clock.slept += sleptMs;
    clock.advance(SCAN_MS);
    await vi.waitFor(async () => expect(await state(witness)).toBe('stalled'));
  }
});

/** Time may pass while no timer fires, as on a machine that was asleep. */
class SleepyClock extends ManualClock {
  slept = 0;

  override monotonic(): number {
    return super.monotonic() + this.slept;
  }
}
