import { describe, expect, test } from 'vitest';
import type { LimitCount } from '../ports.ts';
import { delayOf, retryAfterOf, roomOf, rulesOf, stateOf } from './rules.ts';

const NOW = 1_000_000_000;
const MINUTE_US = 60_000_000;

function countOf(used: number[], more: Partial<LimitCount> = {}): LimitCount {
  const windows = [0, 1, 2].map((at) => ({
    endUs: used[at] === undefined ? 0 : NOW + (at + 1) * MINUTE_US,
    used: used[at] ?? 0,
  }));
  return { taken: true, nowUs: NOW, windows, burstBackUs: NOW, ...more };
}

describe('the numbers of a limit', () => {
  test('no numbers are no rules; a burst comes back at the rate of the shortest window', () => {
    expect(rulesOf({})).toBeNull();
    expect(rulesOf({ minute: 100, burst: 20 })).toEqual({
      windows: [100, null, null],
      burst: { size: 20, intervalUs: 600_000 },
    });
    expect(rulesOf({ hour: 7, burst: 1 })?.burst).toEqual({ size: 1, intervalUs: 514_285_715 });
    expect(rulesOf({ minute: 10, day: 3 }, 1.2)?.windows).toEqual([12, null, 3]);
  });

  test('the tightest window is reported: the fewest left, of equals the longest', () => {
    const rules = rulesOf({ minute: 10, hour: 12, day: 12 })!;
    expect(stateOf('p', countOf([1, 9, 9]), rules, 5000)).toEqual({
      policy: 'p',
      limit: 12,
      remaining: 3,
      resetAt: 5000 + 3 * 60_000,
      windowMs: 86_400_000,
      nearlyUsed: false,
    });
    expect(stateOf('p', countOf([8, 9, 9]), rules, 5000)).toMatchObject({
      limit: 10,
      remaining: 2,
      nearlyUsed: true,
    });
  });

  test('nothing used: everything is there for the length of the window', () => {
    expect(stateOf('p', countOf([]), rulesOf({ hour: 5 })!, 0)).toMatchObject({
      remaining: 5,
      resetAt: 3_600_000,
    });
  });

  test('a use above the limit is held up the longer the nearer the end of the allowance', () => {
    const rules = rulesOf({ minute: 10 })!;
    const delays = [9, 10, 11, 12].map((used) => delayOf(countOf([used]), rules, 1.2));
    expect(delays).toEqual([0, 0, 1000, 2000]);
  });

  test('a refusal says when there is room: the last of all windows, and the burst', () => {
    const rules = rulesOf({ minute: 2, hour: 2 })!;
    expect(retryAfterOf(countOf([2, 1]), rules, 1)).toBe(60_000);
    expect(retryAfterOf(countOf([2, 2]), rules, 1)).toBe(120_000);
    expect(retryAfterOf(countOf([]), rules, 3)).toBe(3_600_000);
    const burst = rulesOf({ minute: 60, burst: 2 })!;
    expect(retryAfterOf(countOf([2], { burstBackUs: NOW + 2_000_000 }), burst, 1)).toBe(1000);
    expect(roomOf(countOf([2], { burstBackUs: NOW + 1_000_001 }), burst)).toBe(0);
    expect(roomOf(countOf([2], { burstBackUs: NOW + 1_000_000 }), burst)).toBe(1);
  });
});
