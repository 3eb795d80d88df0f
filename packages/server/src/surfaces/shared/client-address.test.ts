import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ClientAddress, parseAddress, parseNetworks } from './client-address.ts';

const PROXY = '10.0.0.1';

/** Who a request comes from, for a server behind proxies of 10.0.0.0/8 and fd00::/8. */
function clientOf(
  peer: string | undefined,
  headers: IncomingMessage['headers'] = {},
  trusted = ['10.0.0.0/8', 'fd00::/8'],
) {
  return new ClientAddress(trusted).of({
    socket: { remoteAddress: peer } as IncomingMessage['socket'],
    headers,
  });
}
const forwarded = (list: string) => ({ 'x-forwarded-for': list });

describe('who a request comes from', () => {
  test('attack: X-Forwarded-For of a stranger is not believed', () => {
    expect(clientOf('203.0.113.9', forwarded('198.51.100.1'))).toBe('203.0.113.9');
    expect(clientOf('203.0.113.9', { 'x-real-ip': '198.51.100.1' })).toBe('203.0.113.9');
  });

  test('attack: without configured proxies nobody is believed, loopback neither', () => {
    expect(clientOf('127.0.0.1', forwarded('198.51.100.1'), [])).toBe('127.0.0.1');
    expect(clientOf('::1', forwarded('198.51.100.1'), [])).toBe('::1');
  });

  test('a trusted proxy says who it heard', () => {
    expect(clientOf(PROXY, forwarded('198.51.100.1'))).toBe('198.51.100.1');
    expect(clientOf('fd00::7', forwarded('2001:db8::1'))).toBe('2001:db8::1');
    expect(clientOf(PROXY, { 'x-real-ip': '198.51.100.1' })).toBe('198.51.100.1');
  });

  test('attack: what a client puts before its own address is not reached', () => {
    expect(clientOf(PROXY, forwarded('127.0.0.1, 10.9.9.9, 198.51.100.1'))).toBe('198.51.100.1');
    expect(clientOf(PROXY, forwarded('1.1.1.1, 198.51.100.1, 10.0.0.2'))).toBe('198.51.100.1');
  });

  test('attack: several headers are read as one list, the last line last', () => {
    // Node joins repeated lines of this header with a comma.
    expect(clientOf(PROXY, forwarded('1.1.1.1, 198.51.100.1'))).toBe('198.51.100.1');
  });

  test('attack: X-Forwarded-For wins over an X-Real-IP sent along', () => {
    expect(clientOf(PROXY, { ...forwarded('198.51.100.1'), 'x-real-ip': '1.1.1.1' })).toBe('198.51.100.1');
  });

  test.each([
    '',
    ',',
    'garbage',
    '1.1.1.1 x',
    '999.1.1.1',
    '1.2.3',
    '0x7f.1',
    '2130706433',
    '010.0.0.1',
    '<script>',
    '::g',
    '1.1.1.1:99999999',
  ])('attack: garbage such as "%s" leaves the proxy itself', (text) => {
    expect(clientOf(PROXY, forwarded(text))).toBe(PROXY);
    expect(clientOf(PROXY, forwarded(`1.1.1.1, ${text}`))).toBe(PROXY);
  });

  test('attack: garbage behind a trusted hop leaves that hop', () => {
    expect(clientOf(PROXY, forwarded('1.1.1.1, garbage, 10.0.0.2'))).toBe('10.0.0.2');
  });

  test('attack: IPv4 written as IPv6 is the same address', () => {
    expect(clientOf('::ffff:203.0.113.9')).toBe('203.0.113.9');
    expect(clientOf(`::ffff:${PROXY}`, forwarded('::ffff:198.51.100.1'))).toBe('198.51.100.1');
    expect(clientOf(`::ffff:${PROXY}`, forwarded('1.1.1.1, ::ffff:c633:6401'))).toBe('198.51.100.1');
  });

  test('attack: a mapped address does not pass for one of a trusted IPv6 network', () => {
    expect(clientOf('::ffff:203.0.113.9', forwarded('1.1.1.1'), ['::/8'])).toBe('203.0.113.9');
  });

  test('ports, brackets and zones are no part of an address', () => {
    expect(clientOf(PROXY, forwarded('198.51.100.1:4711'))).toBe('198.51.100.1');
    expect(clientOf(PROXY, forwarded('[2001:db8::1]:443'))).toBe('2001:db8::1');
    expect(clientOf('fe80::1%eth0')).toBe('fe80::1');
  });

  test('when all hops are proxies, the first one is the client', () => {
    expect(clientOf(PROXY, forwarded('10.1.1.1, 10.2.2.2'))).toBe('10.1.1.1');
  });

  test('a list of thousands is read from its end only', () => {
    const long = `${'9.9.9.9, '.repeat(5000)}198.51.100.1`;
    expect(clientOf(PROXY, forwarded(long))).toBe('198.51.100.1');
  });

  test('a socket that is gone has no address', () => {
    expect(clientOf(undefined)).toBe('unknown');
    expect(clientOf(undefined, {}, [])).toBe('unknown');
  });
});

test('one form for every spelling of an address', () => {
  const spellings = ['2001:DB8::1', '2001:db8:0:0:0:0:0:1', '2001:0db8::0001', '[2001:db8::1]'];
  expect(spellings.map(parseAddress)).toEqual(spellings.map(() => '2001:db8::1'));
});

test('networks that are none are refused', () => {
  for (const text of [
    '',
    'example.com',
    '10.0.0.0/33',
    '10.0.0/8',
    '1.2.3.4.5',
    'fd00::/129',
    '::ffff:0:0/96',
    '10.0.0.0/8/8',
  ])
    expect(() => parseNetworks([text])).toThrow();
  expect(parseNetworks(['10.0.0.1', '::1', '10.0.0.0/8'])).toHaveLength(3);
});
