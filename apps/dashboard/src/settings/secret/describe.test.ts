import { expect, test } from 'vitest';
import { expiryOf } from './describe.ts';

const DAY_MS = 86_400_000;
const now = Date.parse('2026-05-01T10:00:00Z');
const expiryIn = (days: number) => expiryOf({ expires_at: new Date(now + days * DAY_MS).toISOString() }, now);

test('an expiry warns from 30 days before, and says when it is over', () => {
  expect(expiryOf({ expires_at: null }, now)).toEqual({ text: 'never', tone: 'neutral' });
  expect(expiryIn(31)).toEqual({ text: 'in 31 d', tone: 'neutral' });
  expect(expiryIn(29)).toEqual({ text: 'in 29 d', tone: 'warning' });
  expect(expiryIn(-1)).toEqual({ text: 'expired', tone: 'error' });
});
