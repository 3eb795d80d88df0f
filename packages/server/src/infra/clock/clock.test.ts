import { expect, it, vi } from 'vitest';
import { ManualClock } from '../../../test/manual-clock.ts';
import { systemClock } from './system-clock.ts';

it('system timers fire, repeat and can be cancelled', async () => {
  const [once, often, never] = [vi.fn(), vi.fn(), vi.fn()];
  systemClock.after(1, once);
  const repeating = systemClock.every(1, often);
  systemClock.after(1, never).cancel();
  await vi.waitFor(() => expect(often.mock.calls.length).toBeGreaterThan(2));
  repeating.cancel();
  expect(once).toHaveBeenCalledOnce();
  expect(never).not.toHaveBeenCalled();
});

it('a manual clock runs what falls due, in order of time, and nothing else', () => {
  const clock = new ManualClock(1000);
  const seen: string[] = [];
  clock.after(30, () => seen.push(`c@${clock.monotonic()}`));
  clock.after(10, () => {
    seen.push(`a@${clock.monotonic()}`);
    clock.after(5, () => seen.push(`b@${clock.monotonic()}`));
  });
  const every = clock.every(20, () => seen.push(`e@${clock.monotonic()}`));
  clock.after(25, () => seen.push('never')).cancel();
  clock.advance(9);
  expect(seen).toEqual([]);
  clock.advance(31);
  expect(seen).toEqual(['a@10', 'b@15', 'e@20', 'c@30', 'e@40']);
  every.cancel();
  expect([clock.now(), clock.pendingCount]).toEqual([1040, 0]);
});
