import { setRateOverrideSchema } from '@holdfast/protocol';
import { expect, test } from 'vitest';
import { formatAllowance } from './describe.ts';
import { newDraft, toOverride } from './override-draft.ts';

const now = Date.parse('2026-05-01T10:00:00Z');
const draft = { ...newDraft({ policy: 'platform', subject: ' key:1 ', tenantId: '' }), reason: ' Why ' };

test('an allowance is told in words', () => {
  expect(formatAllowance(null)).toBe('no limit');
  expect(formatAllowance({})).toBe('no limit');
  expect(formatAllowance({ minute: 5, hour: 50, burst: 2 })).toBe('5 a minute, 50 an hour, 2 at once');
});

test('a filled form is what the server takes', () => {
  const numbers = { minute: '5', hour: ' ', burst: '2' };
  const override = toOverride({ ...draft, numbers }, now);
  expect(override).toEqual({
    minute: 5,
    burst: 2,
    subject: 'key:1',
    expires_at: '2026-05-02T10:00:00.000Z',
    reason: 'Why',
  });
  expect(setRateOverrideSchema.safeParse(override).success).toBe(true);
});

test('no limit takes no numbers, an empty subject is everybody, never has no end', () => {
  const form = {
    ...draft,
    subject: ' ',
    numbers: { minute: '5' },
    unlimited: true,
    expiry: 'never',
  } as const;
  const override = toOverride(form, now);
  expect(override).toEqual({ unlimited: true, subject: null, expires_at: null, reason: 'Why' });
  expect(setRateOverrideSchema.safeParse(override).success).toBe(true);
});
