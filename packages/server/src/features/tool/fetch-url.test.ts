import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ToolContext } from '../../core/ports.ts';
import { silentLogger } from '../../../test/harness.ts';
import { createTools } from './index.ts';
import { createOutbound, isPublicAddress } from '../../infra/net/index.ts';

let server: Server;
let port: number;
let hits: string[] = [];
let route: (path: string, response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
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

interface Page {
  url: string;
  status: number;
  content_type: string;
  title: string;
  text: string;
  truncated: boolean;
}

async function fetchUrl(
  url: string,
  options: { allow?: string[] | boolean; timeoutMs?: number; signal?: AbortSignal } = {},
) {
  const { allow = [], timeoutMs, signal = AbortSignal.timeout(15_000) } = options;
  const tools = createTools(
    { outbound: createOutbound({ allowPrivate: allow }), fetchTimeoutMs: timeoutMs },
    silentLogger,
  );
  const tool = await tools.find('fetch_url');
  return (await tool?.execute({ url }, { signal } as ToolContext)) as Page;
}

const local = (path = '/'): string => `http://127.0.0.1:${port}${path}`;
const allowLocal = (): { allow: string[] } => ({ allow: [`127.0.0.1:${port}`] });
const BLOCKED = { code: 'EXTERNAL_SERVICE_ERROR', message: 'This address could not be fetched.' };

describe('what is not reached', () => {
  test.each([
    '127.0.0.1',
    '127.1',
    '127.0.0.1.',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '017700000001',
    '0',
    '0.0.0.0',
    '１２７.0.0.1',
    '127。0。0。1',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[::7f00:1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[fe80::1]',
    '[fc00::1]',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    'localhost',
    'LOCALHOST',
    'localhost.',
  ])('%s', async (host) => {
    await expect(fetchUrl(`http://${host}:${port}/`)).rejects.toMatchObject(BLOCKED);
    expect(hits).toEqual([]);
  });

  test.each([
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'gopher://127.0.0.1/',
    'data:text/plain,x',
    '//127.0.0.1/',
    'not a url',
    'http://user:pw@example.com/',
    '',
  ])('the address %j is refused as input', async (url) => {
    await expect(fetchUrl(url)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  test('a redirect to a private address, in any form', async () => {
    for (const target of [
      `http://localhost:${port}/in`,
      `http://[::1]:${port}/in`,
      `http://2130706433:${port + 1}/in`,
    ]) {
      route = (path, response) =>
        path === '/in' ? response.end('inside') : response.writeHead(302, { location: target }).end();
      await expect(fetchUrl(local('/out'), allowLocal())).rejects.toMatchObject(BLOCKED);
    }
    expect(hits).toEqual(['GET /out', 'GET /out', 'GET /out']);
  });

  test('a redirect to another scheme', async () => {
    route = (_path, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    await expect(fetchUrl(local(), allowLocal())).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  test('a closed port says no more than a blocked one', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port: gone } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await expect(fetchUrl(`http://127.0.0.1:${gone}/`, { allow: ['127.0.0.1'] })).rejects.toMatchObject(
      BLOCKED,
    );
    await expect(fetchUrl('http://name.invalid/')).rejects.toMatchObject(BLOCKED);
  });

  test('proxy variables change nothing', async () => {
    vi.stubEnv('http_proxy', local());
    vi.stubEnv('HTTP_PROXY', local());
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    try {
      await expect(fetchUrl('http://name.invalid/')).rejects.toMatchObject(BLOCKED);
      expect(hits).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test.each([
    ['8.8.8.8', true],
    ['2606:4700::1111', true],
    ['::ffff:8.8.8.8', true],
    ['::8.8.8.8', false],
    ['::808:808', false],
    ['192.0.2.1', false],
    ['198.18.0.1', false],
    ['nonsense', false],
  ])('the address %s is public: %s', (address, expected) => {
    expect(isPublicAddress(address)).toBe(expected);
  });
});

describe('what is reached', () => {
  test('a page becomes title and readable text', async () => {
    route = (_path, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(`<html><head><title>A &amp; B</title><style>p{}</style></head><body><nav>Menu</nav>
        <h1>Head</h1><p>One <a href="/x">link</a>.</p><script>alert(1)</script></body></html>`);
    };
    const page = await fetchUrl(local('/a#frag'), allowLocal());
    expect(page).toMatchObject({ url: local('/a'), status: 200, title: 'A & B', truncated: false });
    expect(page.text).toBe('Head\n\nOne link.');
    expect(hits).toEqual(['GET /a']);
  });

  test.each([
    ['deep nesting', '<div>'.repeat(200_000)],
    ['lists in lists', '<ul><li>'.repeat(130_000)],
    ['tables in tables', '<table><tr><td>'.repeat(70_000)],
    ['a cell as wide as a town', '<table><tr><td colspan="100000000">x</td></tr></table>'],
    ['a cell that fills the memory', '<table><tr><td rowspan="60000" colspan="60000">x</td></tr></table>'],
    ['titles that only begin', '<title'.repeat(170_000)],
    ['headings', '<h1>'.repeat(260_000)],
  ])('a page that is made to be hard to read holds nobody up: %s', async (_name, page) => {
    route = (_path, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page);
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 10);
    const outcome = await fetchUrl(local(), allowLocal()).catch((error: unknown) => error);
    clearInterval(ticking);
    const failed = { code: 'EXTERNAL_SERVICE_ERROR', message: 'The page is too complicated to be read.' };
    if (outcome instanceof Error) expect(outcome).toMatchObject(failed);
    else expect(outcome).toMatchObject({ status: 200 });
    // With the work on the main thread there would be one tick at its end.
    expect(ticks).toBeGreaterThan(1);
  });

  test('redirects are followed to the third, not further', async () => {
    route = (path, response) => {
      const left = Number(path.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    };
    expect(await fetchUrl(local('/3'), allowLocal())).toMatchObject({ url: local('/0'), text: 'there' });
    await expect(fetchUrl(local('/4'), allowLocal())).rejects.toThrow('More than 3 redirects');
  });

  test('an allowed name may be private, or every one', async () => {
    expect(await fetchUrl(local(), { allow: true })).toMatchObject({ text: 'inside' });
    await expect(fetchUrl(local(), { allow: ['localhost', '127.0.0.1:1'] })).rejects.toMatchObject(BLOCKED);
    expect(await fetchUrl(`http://localhost:${port}/`, { allow: ['localhost'] })).toMatchObject({
      text: 'inside',
    });
  });

  test('an error status is a result', async () => {
    route = (_path, response) => response.writeHead(404, { 'content-type': 'text/plain' }).end('gone');
    expect(await fetchUrl(local(), allowLocal())).toMatchObject({ status: 404, text: 'gone' });
  });

  test('other encodings are read, other contents are not shown', async () => {
    route = (_path, response) =>
      response
        .writeHead(200, { 'content-type': 'text/plain; charset=iso-8859-1' })
        .end(Buffer.from([0x63, 0x61, 0x66, 0xe9]));
    expect(await fetchUrl(local(), allowLocal())).toMatchObject({ text: 'café' });
    route = (_path, response) => response.writeHead(200, { 'content-type': 'image/png' }).end('xxxx');
    expect(await fetchUrl(local(), allowLocal())).toMatchObject({ text: '', content_type: 'image/png' });
  });

  test('the size is capped after decompression', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024, 'a'));
    route = (_path, response) =>
      response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' }).end(bomb);
    const page = await fetchUrl(local(), allowLocal());
    expect(page.truncated).toBe(true);
    expect(page.text.length).toBeLessThanOrEqual(40_000);
  });

  test('an endless body ends at the cap and closes the connection', async () => {
    let closed = false;
    route = (_path, response) => {
      response.on('close', () => (closed = true));
      response.writeHead(200, { 'content-type': 'text/plain' });
      const chunk = Buffer.alloc(64 * 1024, 'a');
      const more = (): void => {
        while (!closed && response.write(chunk));
        if (!closed) response.once('drain', more);
      };
      more();
    };
    expect(await fetchUrl(local(), allowLocal())).toMatchObject({ truncated: true });
    await vi.waitFor(() => expect(closed).toBe(true));
  });

  test('a silent or trickling server ends with the time cap, an abort with its reason', async () => {
    const closed: boolean[] = [];
    route = (path, response) => {
      response.on('close', () => closed.push(true));
      if (path === '/trickle') response.writeHead(200, { 'content-type': 'text/plain' }).write('a');
    };
    const cap = { ...allowLocal(), timeoutMs: 150 };
    await expect(fetchUrl(local('/silent'), cap)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(fetchUrl(local('/trickle'), cap)).rejects.toMatchObject({ code: 'TIMEOUT' });
    const abort = new AbortController();
    const reading = fetchUrl(local('/silent'), { ...allowLocal(), signal: abort.signal });
    await vi.waitFor(() => expect(hits).toHaveLength(3));
    const reason = new Error('cancelled');
    abort.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await vi.waitFor(() => expect(closed).toHaveLength(3));
  });
});
