import { describe, expect, test } from 'vitest';
import { limitNumbersSchema, policiesWith } from './numbers.ts';

const of = (name: string, numbers: unknown) =>
  policiesWith(limitNumbersSchema.parse(numbers)).find((policy) => policy.name === name)!;

describe('an installation’s numbers', () => {
  test('keep the defaults of what they do not name', () => {
    expect(of('fleet', {}).allowances.free).toEqual({ minute: 100 });
    expect(of('browser.interact', {}).allowances).toMatchObject({
      free: { minute: 10 },
      pro: { minute: 60 },
    });
    const one = of('browser.interact', { 'browser.interact': { pro: { minute: 99 } } });
    expect(one.allowances).toMatchObject({
      free: { minute: 10 },
      pro: { minute: 99 },
      enterprise: { minute: 300 },
    });
  });

  test('hold for all tiers when they name none, and * for every other policy', () => {
    const numbers = { '*': { minute: 7 }, login: { hour: 3, burst: 2 }, platform: {} };
    expect(of('login', numbers).allowances.enterprise).toEqual({ hour: 3, burst: 2 });
    expect(of('fleet', numbers).allowances.pro).toEqual({ minute: 7 });
    expect(of('platform', numbers).allowances.free).toEqual({});
  });

  test('change the stages alone', () => {
    const policy = of('platform', { platform: { stages: { slowUpTo: 1.5, blockAfter: 9 } } });
    expect(policy).toMatchObject({
      stages: { slowUpTo: 1.5, blockAfter: 9 },
      allowances: { free: { minute: 6000 } },
    });
  });

  test.each([
    { nonsense: { minute: 1 } },
    { fleet: { minute: 0 } },
    { fleet: { minute: 1.5 } },
    { fleet: { burst: 5 } },
    { fleet: { week: 5 } },
    { fleet: { free: { minute: 1 }, gold: { minute: 2 } } },
    { fleet: { stages: { slowUpTo: 0.5, blockAfter: null } } },
    { fleet: 5 },
    [],
  ])('refuse %j', (numbers) => {
    expect(limitNumbersSchema.safeParse(numbers).success).toBe(false);
  });
});
