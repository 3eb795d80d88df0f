import { describe, expect, test } from 'vitest';
import { Rules } from './rulebook.ts';

const key = (policy: string, subject: string): string => `t1\n${policy}\n${subject}`;
const who = { policy: 'fleet', subject: 'key:1', tenantId: 't1' };

describe('the rules in force', () => {
  const rules = new Rules(
    new Map([
      [key('fleet', 'key:1'), { allowance: { minute: 1 }, endsAt: 1000 }],
      [key('fleet', ''), { allowance: null, endsAt: Number.POSITIVE_INFINITY }],
    ]),
    new Map([[key('fleet', 'key:1'), 500]]),
  );

  test('an override ends at its time, between two readings too; then the tenant’s holds', () => {
    expect(rules.overrideOf(who, 999)).toEqual({ minute: 1 });
    expect(rules.overrideOf(who, 1000)).toBeNull();
    expect(rules.overrideOf({ ...who, tenantId: 't2' }, 0)).toBeUndefined();
    expect(rules.overrideOf({ ...who, policy: 'platform' }, 0)).toBeUndefined();
  });

  test('a block ends at its time', () => {
    expect(rules.blockedFor(who, 100)).toBe(400);
    expect(rules.blockedFor(who, 500)).toBe(0);
    expect(rules.blockedFor({ ...who, subject: 'key:2' }, 100)).toBe(0);
  });
});
