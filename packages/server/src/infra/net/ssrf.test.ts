import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createOutbound,
  isPublicAddress,
  UnreachableError,
  type LookupAll,
  type OutboundOptions,
} from './index.ts';
import { publicLookup } from './public-address.ts';

let server: Server;
let port: number;
let hits: string[] = [];
let route: (path: string, response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    hits.push(`${request.method} ${request.headers.host} ${request.url}`);
    route(request.url ?? '', response);
  });
  // Dual stack, so that the IPv6 forms of loopback would be reached if they were let through.
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  hits = [];
  route = (_path, response) => response.end('inside');
});

/** A resolver of the test's own: each name has its answers, one after the other, the last again and again. */
function dns(names: Record<string, string[][]>): LookupAll & { asked: string[] } {
  const asked: string[] = [];
  const resolve: LookupAll = (hostname, _options, answer) => {
    const answers = names[hostname];
    const times = asked.filter((name) => name === hostname).length;
    asked.push(hostname);
    const addresses = answers?.[Math.min(times, answers.length - 1)];
    if (addresses === undefined)
      return answer(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), []);
    answer(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return Object.assign(resolve, { asked });
}

async function send(url: string, options: OutboundOptions = {}): Promise<string> {
  const outbound = createOutbound(options);
  const signal = AbortSignal.timeout(10_000);
  await using response = await outbound.send(outbound.check(url), { signal });
  let text = '';
  for await (const chunk of response.body) text += Buffer.from(chunk).toString();
  return text;
}

const BLOCKED = { code: 'EXTERNAL_SERVICE_ERROR', message: 'This address could not be fetched.' };

async function expectBlocked(url: string, options?: OutboundOptions): Promise<void> {
  await expect(send(url, options)).rejects.toMatchObject(BLOCKED);
  expect(hits).toEqual([]);
}

test('the server of these tests would be reached if nothing stood in the way', async () => {
  expect(await send(`http://127.0.0.1:${port}/`, { allowPrivate: true })).toBe('inside');
  expect(await send(`http://[::1]:${port}/`, { allowPrivate: [`[::1]:${port}`] })).toBe('inside');
  expect(hits).toHaveLength(2);
});

describe('SSRF: addresses written as such', () => {
  test.each([
    ['loopback', '127.0.0.1'],
    ['loopback, elsewhere in its /8', '127.255.255.254'],
    ['loopback, shortened', '127.1'],
    ['loopback, with a dot at its end', '127.0.0.1.'],
    ['decimal', '2130706433'],
    ['decimal that overflows', '4294967295'],
    ['hex', '0x7f000001'],
    ['hex by parts', '0x7f.0x0.0x0.0x1'],
    ['octal', '0177.0.0.1'],
    ['octal as one number', '017700000001'],
    ['mixed bases', '0x7f.1'],
    ['zero', '0'],
    ['all zeros', '0.0.0.0'],
    ['percent-encoded digits', '%31%32%37.0.0.1'],
    ['full-width digits', '１２７.0.0.1'],
    ['circled digits', '①②⑦.⓪.⓪.①'],
    ['an ideographic full stop', '127。0。0。1'],
    ['superscript digits', '¹²⁷.0.0.1'],
    ['mathematical digits', '𝟏𝟐𝟕.𝟎.𝟎.𝟏'],
    ['private 10/8', '10.0.0.1'],
    ['private 172.16/12', '172.31.255.255'],
    ['private 192.168/16', '192.168.1.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ["Alibaba's metadata", '100.100.100.200'],
    ['link-local', '169.254.0.1'],
    ['metadata of most clouds', '169.254.169.254'],
    ['metadata, decimal', '2852039166'],
    ['metadata of containers', '169.254.170.2'],
    ["Azure's host", '168.63.129.16'],
    ['documentation', '192.0.2.1'],
    ['benchmarking', '198.18.0.1'],
    ['protocol assignments', '192.0.0.1'],
    ['6to4 relays', '192.88.99.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['IPv6 loopback', '[::1]'],
    ['IPv6 loopback, long', '[0000:0000:0000:0000:0000:0000:0000:0001]'],
    ['IPv6 unspecified', '[::]'],
    ['IPv4-mapped', '[::ffff:127.0.0.1]'],
    ['IPv4-mapped, hex', '[::ffff:7f00:1]'],
    ['IPv4-mapped metadata', '[::ffff:a9fe:a9fe]'],
    ['IPv4-compatible', '[::127.0.0.1]'],
    ['IPv4-compatible, hex', '[::7f00:1]'],
    ['IPv4-compatible, public', '[::808:808]'],
    ['IPv4-translated', '[::ffff:0:7f00:1]'],
    ['NAT64 of loopback', '[64:ff9b::7f00:1]'],
    ['NAT64 of metadata', '[64:ff9b::a9fe:a9fe]'],
    ['NAT64 of a public address', '[64:ff9b::808:808]'],
    ['NAT64, local prefix', '[64:ff9b:1::7f00:1]'],
    ['6to4 of loopback', '[2002:7f00:1::]'],
    ['Teredo', '[2001::7f00:1]'],
    ['ISATAP', '[2001:470:1:2:0:5efe:7f00:1]'],
    ['ISATAP, universal bit', '[2001:470:1:2:200:5efe:7f00:1]'],
    ['IPv6 link-local', '[fe80::1]'],
    ['IPv6 site-local', '[fec0::1]'],
    ['unique local', '[fc00::1]'],
    ['metadata over IPv6', '[fd00:ec2::254]'],
    ['an overlay network in 200::/7', '[200::1]'],
    ['never assigned', '[4000::1]'],
    ['discard', '[100::1]'],
    ['dummy prefix', '[100:0:0:1::1]'],
    ['segment routing', '[5f00::1]'],
    ['IPv6 documentation', '[2001:db8::1]'],
    ['IPv6 documentation, new', '[3fff::1]'],
    ['IPv6 multicast', '[ff02::1]'],
  ])('%s: %s', async (_name, host) => {
    await expectBlocked(`http://${host}:${port}/`);
    await expectBlocked(`https://${host}:${port}/`);
  });

  test.each([
    ['8.8.8.8', true],
    ['1.1.1.1', true],
    ['2606:4700::1111', true],
    ['2001:4860:4860::8888', true],
    ['2a00:1450:4001::1', true],
    ['::ffff:8.8.8.8', true],
    ['fe80::1%eth0', false],
    ['2606:4700::1%1', false],
    ['127.0.0.1%eth0', false],
    ['', false],
    ['nonsense', false],
    ['1.1.1.1/0', false],
  ])('%s is public: %s', (address, expected) => {
    expect(isPublicAddress(address)).toBe(expected);
  });
});

describe('SSRF: what is no address to begin with', () => {
  test.each([
    ['a zone id', 'http://[fe80::1%25eth0]/'],
    ['a zone id, bare', 'http://[fe80::1%eth0]/'],
    ['a file', 'file:///etc/passwd'],
    ['FTP', 'ftp://127.0.0.1/'],
    ['gopher', 'gopher://127.0.0.1:6379/_INFO'],
    ['dict', 'dict://127.0.0.1:11211/stat'],
    ['data', 'data:text/plain,x'],
    ['javascript', 'javascript:alert(1)'],
    ['a UNIX socket', 'unix:/var/run/docker.sock'],
    ['blob', 'blob:http://127.0.0.1/x'],
    ['no scheme', '//127.0.0.1/'],
    ['credentials', 'http://user:pw@example.com/'],
    ['a user name that looks like a host', 'http://example.com@127.0.0.1/'],
    ['a user name alone', 'http://127.0.0.1:80@example.com/'],
    ['a password alone', 'http://:pw@example.com/'],
    ['an octet too big', 'http://127.0.0.256/'],
    ['a broken IPv6 address', 'http://[::1/'],
    ['an empty host', 'http:///'],
    ['a port too big', 'http://127.0.0.1:99999/'],
    ['nothing', ''],
  ])('%s: %s', (_name, url) => {
    expect(() => createOutbound().check(url)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }));
  });

  test('a URL that was not checked before is checked when it is sent', async () => {
    const outbound = createOutbound({ allowPrivate: true });
    const request = { signal: AbortSignal.timeout(5000) };
    for (const url of ['file:///etc/passwd', `http://user@127.0.0.1:${port}/`]) {
      await expect(outbound.send(new URL(url), request)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    }
    expect(hits).toEqual([]);
  });
});

describe('SSRF: names', () => {
  test.each(['localhost', 'LOCALHOST', 'localhost.', 'LocalHost.'])('%s', (host) =>
    expectBlocked(`http://${host}:${port}/`),
  );

  test.each([
    ['loopback', ['127.0.0.1']],
    ['loopback over IPv6', ['::1']],
    ['metadata', ['169.254.169.254']],
    ['IPv4-mapped loopback', ['::ffff:127.0.0.1']],
    ['NAT64 of loopback', ['64:ff9b::7f00:1']],
    ['a private address behind a public one', ['8.8.8.8', '10.0.0.1']],
    ['a private address before a public one', ['10.0.0.1', '8.8.8.8']],
    ['a private IPv6 address beside a public IPv4 one', ['8.8.8.8', 'fd00::1']],
    ['no address at all', []],
  ])('a name that resolves to %s', async (_name, addresses) => {
    const lookup = dns({ 'rebind.example': [addresses] });
    await expectBlocked(`http://rebind.example:${port}/`, { lookup });
    expect(lookup.asked).toEqual(['rebind.example']);
  });

  test('rebinding: what was checked is what is connected to', () => {
    // Public when it is looked at, private a moment later: as there is no second look, there is no moment.
    const resolve = dns({ 'rebind.example': [['8.8.8.8', '1.1.1.1'], ['127.0.0.1']] });
    const answers: unknown[] = [];
    const look = publicLookup(resolve);
    look('rebind.example', { all: true }, (...answer) => answers.push(answer));
    expect(resolve.asked).toHaveLength(1);
    look('rebind.example', { all: true }, (...answer) => answers.push(answer));
    expect(answers).toEqual([
      [
        null,
        [
          { address: '8.8.8.8', family: 4 },
          { address: '1.1.1.1', family: 4 },
        ],
      ],
      [expect.any(UnreachableError), []],
    ]);
    const one = dns({ 'one.example': [['2606:4700::1111', '8.8.8.8']] });
    publicLookup(one)('one.example', {}, (...answer) => answers.push(answer));
    expect(answers.at(-1)).toEqual([null, '2606:4700::1111', 6]);
  });

  test('rebinding: a name is looked up anew, and checked anew, at every attempt', async () => {
    const lookup = dns({ 'rebind.example': [['192.0.2.1'], ['127.0.0.1']] });
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await expectBlocked(`http://rebind.example:${port}/`, { lookup });
      expect(lookup.asked).toHaveLength(attempt);
    }
  });

  test('an allowed name is reached though it is private; the allowance is for that name alone', async () => {
    const allowPrivate = ['localhost', `127.0.0.1:${port}`];
    expect(await send(`http://localhost:${port}/`, { allowPrivate })).toBe('inside');
    expect(await send(`http://127.0.0.1:${port}/`, { allowPrivate })).toBe('inside');
    hits = [];
    for (const host of ['127.0.0.2', '[::1]', 'localhost.', '2130706434']) {
      await expectBlocked(`http://${host}:${port}/`, { allowPrivate });
    }
    await expectBlocked(`http://127.0.0.1:${port - 1}/`, { allowPrivate });
  });
});

describe('SSRF: redirects', () => {
  test.each(['http://127.0.0.1/', 'http://169.254.169.254/', 'file:///etc/passwd', '//[::1]/'])(
    'are not followed: %s',
    async (location) => {
      route = (_path, response) => response.writeHead(302, { location }).end('moved');
      const outbound = createOutbound({ allowPrivate: true });
      const request = { signal: AbortSignal.timeout(5000) };
      await using response = await outbound.send(outbound.check(`http://127.0.0.1:${port}/`), request);
      expect(response.status).toBe(302);
      expect(response.header('location')).toBe(location);
      expect(hits).toHaveLength(1);
    },
  );
});

test('a POST arrives byte for byte, and proxies are not asked', async () => {
  const body = Buffer.from([0, 255, 10, 13, 128]);
  const received: Buffer[] = [];
  const own = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => received.push(chunk));
    request.on('end', () => response.end(request.headers['x-test']));
  });
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
  const { port: at } = own.address() as AddressInfo;
  const outbound = createOutbound({ allowPrivate: [`127.0.0.1:${at}`] });
  await using response = await outbound.send(outbound.check(`http://127.0.0.1:${at}/hook`), {
    method: 'POST',
    headers: { 'x-test': 'yes' },
    body: new Uint8Array(body),
    signal: AbortSignal.timeout(5000),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('yes');
  expect(Buffer.concat(received)).toEqual(body);
  await new Promise((resolve) => own.close(resolve));
});
