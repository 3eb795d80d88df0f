import { expect, test } from 'vitest';
import { formatSpan, formatUntil, fromLocalField, toLocalField } from './until.ts';

test.each([
  [0.2, '1 s'],
  [59, '59 s'],
  [60, '1 min'],
  [90, '90 s'],
  [120, '2 min'],
  [3600, '1 h'],
  [7200, '2 h'],
  [86_400, '1 d'],
  [10 * 86_400, '10 d'],
])('%d seconds are %s', (seconds, text) => expect(formatSpan(seconds)).toBe(text));

test('what lies before us is told, what is over is not', () => {
  const now = Date.parse('2026-05-01T10:00:00Z');
  expect(formatUntil('2026-05-01T10:05:00Z', now)).toBe('in 5 min');
  expect(formatUntil('2026-05-01T10:00:00Z', now)).toBeNull();
});

test('a time goes through a field and back, to the minute', () => {
  const iso = '2026-05-01T10:05:00.000Z';
  expect(fromLocalField(toLocalField(iso))).toBe(iso);
  expect(toLocalField(undefined)).toBe('');
  expect(toLocalField('yesterday')).toBe('');
  expect(fromLocalField('')).toBeUndefined();
});
