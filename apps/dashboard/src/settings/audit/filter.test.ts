import { expect, test } from 'vitest';
import { readFilter, readForm, toFields, writeFilter } from './filter.ts';

test('the address keeps a filter, and drops what is none', () => {
  const filter = {
    chain: 'system',
    actor: 'key:1',
    outcome: 'denied',
    from: '2026-05-01T10:00:00.000Z',
  } as const;
  expect(readFilter(writeFilter(filter))).toEqual(filter);
  expect(readFilter(new URLSearchParams('outcome=great&chain=other&entry=1&action=%20&text=x'))).toEqual({
    text: 'x',
  });
  expect(writeFilter({ actor: undefined, text: '' }).toString()).toBe('');
});

test('a form holds times of its place', () => {
  const query = writeFilter({ from: '2026-05-01T10:05:00.000Z', action: 'project.*' });
  const fields = new FormData();
  for (const [name, value] of toFields(query)) fields.set(name, value);
  expect(fields.get('from')).toMatch(/^2026-0[45]-\d\dT\d\d:\d\d$/);
  expect(fields.get('to')).toBe('');
  expect(readForm(fields)).toEqual({ from: '2026-05-01T10:05:00.000Z', action: 'project.*' });
});
