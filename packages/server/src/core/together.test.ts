import { expect, test } from 'vitest';
import { together } from './together.ts';

test('gives the values in order', async () => {
  expect(await together([Promise.resolve(1), 'two', null])).toEqual([1, 'two', null]);
});

test('throws the first failure in order, although a later one was noticed earlier, and after all have ended', async () => {
  const slow = Promise.withResolvers<never>();
  const last = Promise.withResolvers<void>();
  const failing = together([slow.promise, Promise.reject(new Error('second')), last.promise]);
  let ended = false;
  void failing.catch(() => (ended = true));
  slow.reject(new Error('first'));
  await Promise.resolve();
  expect(ended).toBe(false);
  last.resolve();
  await expect(failing).rejects.toThrow('first');
});
