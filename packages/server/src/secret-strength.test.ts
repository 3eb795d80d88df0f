import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { weaknessOf } from './secret-strength.ts';

describe('weaknessOf', () => {
  it('takes what random generators give', () => {
    for (let n = 0; n < 2000; n += 1) {
      for (const secret of [
        randomBytes(32).toString('base64'),
        randomBytes(32).toString('base64url'),
        randomBytes(32).toString('hex'),
        randomBytes(16).toString('hex'),
      ]) {
        expect([secret, weaknessOf(secret)]).toEqual([secret, null]);
      }
    }
  });

  it.each([
    ['', /fewer than 32/],
    ['short', /fewer than 32/],
    ['s'.repeat(64), /repeats/],
    ['0123456789abcdef'.repeat(4), /repeats/],
    ['kJ8#'.repeat(8), /repeats/],
    ['abcdefghijklmnopqrstuvwxyz0123456789', /neighbouring/],
    ['zyxwvutsrqponmlkjihgfedcba9876543210', /neighbouring/],
    ['111111112222222233333333444444445', /neighbouring/],
    ['change-me-please-change-me-please-1', /word/],
    ['my-super-secret-jwt-key-for-signing', /word/],
    ['Your-256-bit-k3y-goes-here-0987654', /word/],
    ['correct horse battery staple on a hill', /sentence/],
    ['aXbXaYbXaXbYaXbXaYaXbXaXbYaXbXaYbbXa', /few different/],
  ])('finds %j weak', (secret, reason) => {
    expect(weaknessOf(secret)).toMatch(reason);
  });

  it('does not repeat the secret', () => {
    expect(weaknessOf('my-super-secret-jwt-key-for-signing')).not.toContain('super');
  });
});
