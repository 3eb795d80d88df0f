import type { SetRateOverride } from '@holdfast/protocol';
import { fromLocalField } from '../../lib/until.ts';
import { WINDOWS } from './describe.ts';

const HOUR_MS = 3_600_000;

/** How long an override is in force; `at` is a time of one's own. */
export const EXPIRIES = [
  { value: 'hour', label: 'in an hour', ms: HOUR_MS },
  { value: 'day', label: 'in a day', ms: 24 * HOUR_MS },
  { value: 'week', label: 'in a week', ms: 7 * 24 * HOUR_MS },
  { value: 'at', label: 'at a time…', ms: null },
  { value: 'never', label: 'never', ms: null },
] as const;

export const NUMBERS = [...WINDOWS, 'burst'] as const;
export type NumberName = (typeof NUMBERS)[number];

/** An override as its form has it: all text. */
export interface OverrideDraft {
  policy: string;
  subject: string;
  tenantId: string;
  numbers: Partial<Record<NumberName, string>>;
  unlimited: boolean;
  expiry: (typeof EXPIRIES)[number]['value'];
  expiresAt: string;
  reason: string;
}

export function newDraft(given: Pick<OverrideDraft, 'policy' | 'subject' | 'tenantId'>): OverrideDraft {
  return { ...given, numbers: {}, unlimited: false, expiry: 'day', expiresAt: '', reason: '' };
}

/** @param now milliseconds, from which on it is in force */
export function toOverride(draft: OverrideDraft, now: number): SetRateOverride {
  const numbers = Object.fromEntries(
    NUMBERS.flatMap((name) => {
      const text = draft.numbers[name]?.trim() ?? '';
      return draft.unlimited || text === '' ? [] : [[name, Number(text)]];
    }),
  );
  const { ms = null } = EXPIRIES.find(({ value }) => value === draft.expiry) ?? {};
  const expires_at = ms === null ? fromLocalField(draft.expiresAt) : new Date(now + ms).toISOString();
  return {
    ...numbers,
    ...(draft.unlimited ? { unlimited: true } : {}),
    ...(draft.tenantId.trim() === '' ? {} : { tenant_id: draft.tenantId.trim() }),
    subject: draft.subject.trim() === '' ? null : draft.subject.trim(),
    expires_at: draft.expiry === 'never' ? null : (expires_at ?? null),
    reason: draft.reason.trim(),
  };
}
