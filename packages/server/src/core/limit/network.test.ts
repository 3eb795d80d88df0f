import { describe, expect, test } from 'vitest';
import { canonicalSubject, networkOf } from './network.ts';

describe('subjects in one form', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0001::1', '2001:db8:1:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::', 'fe80:0:0:0::/64'],
    ['2001:db8:0:0::/64', '2001:db8:0:0::/64'],
    ['unknown', 'unknown'],
  ])('the network of %s is %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });

  test('addresses of one /64 are one subject, with or without an e-mail in any case', () => {
    const [a, b] = ['ip:2001:db8::1 email:Ann@Example.com', 'ip:2001:db8:0:0:ffff::2 email:ann@example.com'];
    expect(canonicalSubject(a)).toBe('ip:2001:db8:0:0::/64 email:ann@example.com');
    expect(canonicalSubject(b)).toBe(canonicalSubject(a));
    expect(canonicalSubject('ip:2001:db8:0:1::1')).not.toBe(canonicalSubject('ip:2001:db8::1'));
  });

  test.each(['ip:203.0.113.7', 'key:0195A7F0', 'user:x:y', 'tenant:1'])('%s stays as it is', (subject) => {
    expect(canonicalSubject(subject)).toBe(subject);
  });
});
