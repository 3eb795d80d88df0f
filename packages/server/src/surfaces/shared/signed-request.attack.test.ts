import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  openCredentialApp,
  signedHeaders,
  type CredentialApp,
  type Unsigned,
} from '../../../test/credential-app.ts';
import { openHarness, type Harness } from '../../../test/harness.ts';
import { listen } from '../../../test/http-app.ts';
import { ManualClock } from '../../../test/manual-clock.ts';

const clock = new ManualClock();
const JSON_TYPE = { 'content-type': 'application/json' };

let h: Harness;
let t: CredentialApp;
let port: number;
beforeAll(async () => {
  h = await openHarness();
  const { tenantId } = await h.createTenant();
  t = openCredentialApp(h, { clock, chat: { tenantId } });
  port = await listen(t.app);
}, 60_000);
beforeEach(() => {
  // Each test has signatures of its own.
  clock.advance(1000);
  t.received.splice(0);
});
afterAll(async () => {
  await t.app.close();
  await h.close();
});

type Draft = Partial<Omit<Unsigned, 'clock'>>;

function signed(draft: Draft = {}) {
  const whole = { clock, method: 'POST', path: '/v1/echo', body: '{"a":1}', ...draft };
  return { whole, headers: { ...JSON_TYPE, ...signedHeaders(whole) } };
}

const send = (
  method: string,
  url: string,
  payload: string | Buffer | undefined,
  headers: Record<string, string>,
) => t.app.inject({ method: method as 'POST', url, headers, payload });
const sendSigned = (draft: Draft = {}, more: Record<string, string> = {}) => {
  const { whole, headers } = signed(draft);
  const body = whole.method === 'GET' ? undefined : whole.body;
  return send(whole.method, whole.path, body, { ...headers, ...more });
};
const refused = (answer: { statusCode: number; json(): { code: string } }) => {
  expect([answer.statusCode, answer.json().code]).toEqual([401, 'UNAUTHORIZED']);
  expect(t.received).toEqual([]);
};

async function raw(lines: string[], body = ''): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.write(`${[...lines, 'Host: a', 'Connection: close'].join('\r\n')}\r\n\r\n${body}`);
  return text(socket);
}

describe('a signed request', () => {
  it('is taken, and its body is parsed as ever', async () => {
    const body = '{"message":"grüße \\u00e9","nested":{"n":[1,2]}}';
    const answer = await sendSigned({ body });
    expect(answer.statusCode).toBe(200);
    expect(t.received).toEqual([JSON.parse(body)]);
  });
  it('is taken without a body', async () => {
    expect((await sendSigned({ method: 'GET', body: '', path: '/v1/echo?x=%20y' })).statusCode).toBe(200);
  });
  it('is taken in chunks, over a connection', async () => {
    const body = `{"text":"${'x'.repeat(5000)}"}`;
    const { headers } = signed({ body });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const chunks = [body.slice(0, 7), body.slice(7, 4000), body.slice(4000)];
    const wire = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('') + '0\r\n\r\n';
    const answer = await raw(['POST /v1/echo HTTP/1.1', 'Transfer-Encoding: chunked', ...lines], wire);
    expect(answer).toMatch(/^HTTP\/1\.1 200/);
    expect(t.received).toEqual([JSON.parse(body)]);
  });
  it('is taken for an upload of another type, whole', async () => {
    const body = randomBytes(2_000_000);
    const { headers } = signed({ path: '/v1/upload', body });
    const answer = await send('POST', '/v1/upload', body, { ...headers, 'content-type': 'text/plain' });
    expect(answer.statusCode).toBe(200);
    expect(t.received).toEqual([2_000_000]);
  });
  it('is bounded by the body limit of its route, with a readable answer', async () => {
    const body = `{"text":"${'x'.repeat(20_000)}"}`;
    const { headers } = signed({ body });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const declared = await raw(['POST /v1/echo HTTP/1.1', `Content-Length: ${body.length}`, ...lines], body);
    expect(declared).toMatch(/^HTTP\/1\.1 413/);
    expect(declared).toContain('PAYLOAD_TOO_LARGE');
    const wire = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const chunked = await raw(['POST /v1/echo HTTP/1.1', 'Transfer-Encoding: chunked', ...lines], wire);
    expect(chunked).toMatch(/^HTTP\/1\.1 413/);
    expect(t.received).toEqual([]);
  });
  it('is checked before its body is parsed', async () => {
    const { headers } = signed({ body: '{broken', secret: 'another secret than the real one' });
    refused(await send('POST', '/v1/echo', '{broken', headers));
    expect((await sendSigned({ body: '{broken' })).statusCode).toBe(400);
  });
});

describe('an attack on the signature', () => {
  it('replayed request', async () => {
    const { headers } = signed();
    expect((await send('POST', '/v1/echo', '{"a":1}', headers)).statusCode).toBe(200);
    t.received.splice(0);
    const again = await send('POST', '/v1/echo', '{"a":1}', headers);
    refused(again);
    expect(again.json().message).toContain('received before');
  });
  it('100 replays at once: one is taken', async () => {
    const { headers } = signed();
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => send('POST', '/v1/echo', '{"a":1}', headers)),
    );
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1);
    expect(t.received).toHaveLength(1);
  });
  it('swapped method', async () => {
    refused(await send('PUT', '/v1/echo', '{"a":1}', signed().headers));
  });
  it('swapped path', async () => {
    const { headers } = signed({ path: '/v1/upload' });
    refused(await send('POST', '/v1/echo', '{"a":1}', headers));
  });
  it('swapped query, added, removed or encoded otherwise', async () => {
    refused(await send('POST', '/v1/echo?admin=true', '{"a":1}', signed().headers));
    const { headers } = signed({ path: '/v1/echo?a=1&b=2' });
    for (const path of ['/v1/echo', '/v1/echo?b=2&a=1', '/v1/echo?a=1&b=%32', '/v1/echo?a=1&b=2&a=3']) {
      refused(await send('POST', path, '{"a":1}', headers));
    }
  });
  it('swapped body, also to one that means the same', async () => {
    for (const body of ['{"a":2}', '{"a": 1}', '{"a":1}\n', '{}', '']) {
      refused(await send('POST', '/v1/echo', body, signed().headers));
    }
  });
  it('swapped timestamp', async () => {
    const later = String(clock.now() / 1000 + 10);
    refused(await send('POST', '/v1/echo', '{"a":1}', { ...signed().headers, 'x-sheen-timestamp': later }));
  });
  it('swapped user, when the signature covers it', async () => {
    const { headers } = signed({ signs: ['x-user-id'] });
    refused(await send('POST', '/v1/echo', '{"a":1}', { ...headers, 'x-user-id': 'bob' }));
    const { 'x-sheen-signed-headers': _, ...stripped } = headers as Record<string, string>;
    refused(await send('POST', '/v1/echo', '{"a":1}', { ...stripped, 'x-user-id': 'bob' }));
    refused(await send('POST', '/v1/echo', '{"a":1}', { ...headers, 'x-sheen-signed-headers': 'host' }));
  });
  it('stale and future timestamps', async () => {
    for (const offset of [-301, 301, -86_400]) {
      refused(await sendSigned({ timestamp: String(clock.now() / 1000 + offset) }));
    }
  });
  it('secret of before the rotation', async () => refused(await sendSigned({ secret: 'x'.repeat(40) })));
  it('signature of any length', async () => {
    for (const signature of ['', 'ab', 'f'.repeat(63), 'f'.repeat(64), 'f'.repeat(65), 'f'.repeat(4000)]) {
      refused(await sendSigned({}, { 'x-sheen-signature': signature }));
    }
  });
  it('missing parts', async () => {
    for (const name of ['x-sheen-timestamp', 'x-user-id', 'x-sheen-signature']) {
      const { [name]: _, ...headers } = signed().headers as Record<string, string>;
      refused(await send('POST', '/v1/echo', '{"a":1}', headers));
    }
  });
  it('C-10 a Bearer token alone', async () => {
    refused(await send('POST', '/v1/echo', '{"a":1}', { ...JSON_TYPE, authorization: 'Bearer eyJhbGciOi' }));
  });
  it('C-14 no credential at all is 401, not 404', async () => {
    refused(await send('POST', '/v1/echo', '{"a":1}', JSON_TYPE));
  });
  it.each(['x-user-id', 'x-sheen-signature', 'x-sheen-timestamp', 'x-sheen-signed-headers', 'authorization'])(
    'header duplicates: %s',
    async (name) => {
      const { headers } = signed({ signs: ['x-user-id'] });
      const all: Record<string, string> = { ...headers };
      if (name === 'authorization') all[name] = 'Bearer x';
      const lines = Object.entries(all).map(([key, value]) => `${key}: ${value}`);
      for (const twin of [`${name}: ${all[name]}`, `${name.toUpperCase()}: bob`]) {
        const answer = await raw(['POST /v1/echo HTTP/1.1', 'Content-Length: 7', ...lines, twin], '{"a":1}');
        expect(answer).toMatch(/^HTTP\/1\.1 401/);
        expect(answer).toContain(`${name} was sent more than once.`);
      }
      expect(t.received).toEqual([]);
    },
  );
  it('a signed header that was sent twice', async () => {
    const { headers } = signed({ signs: ['x-user-id', 'x-note'], extra: { 'x-note': 'a' } });
    const lines = Object.entries(headers).map(([key, value]) => `${key}: ${value}`);
    const answer = await raw(
      ['POST /v1/echo HTTP/1.1', 'Content-Length: 7', ...lines, 'X-Note: b'],
      '{"a":1}',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401/);
  });
  it.each([
    'x-user-id,x-user-id',
    'X-User-Id',
    'a b',
    ',',
    Array.from({ length: 11 }, (_, n) => `x-${n}`).join(),
  ])('a list of signed headers that is none: %s', async (list) =>
    refused(await sendSigned({}, { 'x-sheen-signed-headers': list })),
  );
  it('headers of another scheme beside it', async () => {
    refused(await sendSigned({}, { 'x-api-key': 'hf_x' }));
    refused(await sendSigned({}, { 'x-session-id': 'x', 'x-session-secret': 'y' }));
  });
});

describe('a repeat that is harmless', () => {
  it('is taken when the signed body names it', async () => {
    const body = '{"client_msg_id":"m1","text":"hi"}';
    const { headers } = signed({ body });
    for (const _ of [1, 2]) expect((await send('POST', '/v1/echo', body, headers)).statusCode).toBe(200);
  });
  it.each([
    '{"client_msg_id":""}',
    '{"client_msg_id":7}',
    '{"client_msg_id":null}',
    '{"x":{"client_msg_id":"m"}}',
  ])('is not made so by %s', async (body) => {
    const { headers } = signed({ body });
    expect((await send('POST', '/v1/echo', body, headers)).statusCode).toBe(200);
    expect((await send('POST', '/v1/echo', body, headers)).statusCode).toBe(401);
  });
  it('is taken with an Idempotency-Key that the signature covers, and only then', async () => {
    const extra = { 'idempotency-key': 'k1' };
    const covered = signed({ extra, signs: ['x-user-id', 'idempotency-key'] }).headers;
    for (const _ of [1, 2]) expect((await send('POST', '/v1/echo', '{"a":1}', covered)).statusCode).toBe(200);
    clock.advance(1);
    const added = { ...signed().headers, ...extra };
    expect((await send('POST', '/v1/echo', '{"a":1}', added)).statusCode).toBe(200);
    const replayed = { ...added, 'idempotency-key': 'k2' };
    expect((await send('POST', '/v1/echo', '{"a":1}', replayed)).statusCode).toBe(401);
  });
});

it('is refused on surfaces that take no signatures, and its body is not read for it', async () => {
  const { headers } = signed({ path: '/elsewhere' });
  const answer = await send('POST', '/elsewhere', '{"a":1}', headers);
  expect([answer.statusCode, answer.json().message]).toEqual([
    401,
    'This path takes a login token or an API key, not a signed request.',
  ]);
});

it('leaves neither secret nor signature in the log', async () => {
  const { headers } = signed();
  await send('POST', '/v1/echo', '{"a":2}', headers);
  expect(t.text()).not.toContain((headers as Record<string, string>)['x-sheen-signature']);
});
