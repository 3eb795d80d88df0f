import { Agent, request } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Project } from '@holdfast/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  makeAgent,
  makeProject,
  makeSession,
  say,
  sessionPath,
  upload,
  V1,
  waitForRun,
} from './support/api.ts';
import { errorOf, fieldsOf } from './support/expect.ts';
import { get, post, send, type Answer } from './support/http.ts';
import { readPublishedApi, type Operation, type PublishedApi } from './support/openapi.ts';
import { target } from './support/target.ts';

const PROJECTS = `${V1}/projects`;
const MIB = 1024 * 1024;
const sendRaw = (raw: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
  send({ method: 'POST', path: PROJECTS, raw, headers: { 'content-type': 'application/json', ...headers } });

let api: PublishedApi;
let project: Project;
beforeAll(async () => {
  api = await readPublishedApi();
  project = await makeProject('Hostile');
});

/** Others are served while the hostile call is worked on: asked again and again, none waits long. */
async function whileServingOthers<T>(work: Promise<T>): Promise<T> {
  let done = false;
  const finished = work.finally(() => (done = true));
  while (!done) {
    const health = await get('/health', { token: null, timeoutMs: 10_000 });
    expect(health.status).toBe(200);
  }
  return finished;
}

describe('JSON bombs', () => {
  const wide = (count: number, item: (at: number) => string): string =>
    Array.from({ length: count }, (_, at) => item(at)).join(',');
  const name = '"name":"x"';
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);

  it.each([
    ['100,000 brackets', deep, 400],
    ['100,000 brackets in a field', `{${name},"metadata":{"a":${deep}}}`, 400],
    ['100,000 braces', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 400],
    ['a body of nothing but [', '['.repeat(MIB - 10), 400],
    ['a body of nothing but {"', '{"'.repeat(MIB / 2 - 10), 400],
    ['a body of nothing but quotes', '"'.repeat(MIB - 10), 400],
    ['a body of nothing but backslashes', `"${'\\'.repeat(MIB - 10)}`, 400],
    ['a body of nothing but spaces', ' '.repeat(MIB - 10), 400],
    ['a body of nothing but commas', `[${','.repeat(MIB - 10)}]`, 400],
    ['a number of a million digits', `{${name},"metadata":{"a":${'9'.repeat(1_000_000)}}}`, 400],
    ['a number with a huge exponent', `{${name},"metadata":{"a":1e999999999}}`, 400],
    ['a negative one', `{${name},"metadata":{"a":[-1E400]}}`, 400],
    ['nothing but a number too large', '1e999', 400],
    ['a fraction of a million digits', `{"name":0.${'1'.repeat(1_000_000)}}`, 400],
    ['a string of a million characters', `{"name":"${'x'.repeat(1_000_000)}"}`, 400],
    ['a string of escapes', `{"name":"${'\\u0041'.repeat(170_000)}"}`, 400],
    ['a string of NULs', `{"name":"${'\\u0000'.repeat(170_000)}"}`, 400],
    ['a key of a million characters', `{${name},"${'k'.repeat(1_000_000)}":1}`, 400],
    ['80,000 keys', `{${name},${wide(80_000, (at) => `"k${at}":1`)}}`, 400],
    ['80,000 keys in metadata', `{${name},"metadata":{${wide(80_000, (at) => `"k${at}":1`)}}}`, 400],
    ['one key 100,000 times', `{${wide(100_000, () => name)}}`, null],
    [
      'keys that are array indices',
      `{${name},"metadata":{${wide(60_000, (at) => `"${at * 7919}":1`)}}}`,
      400,
    ],
    ['500,000 items', `{${name},"metadata":{"a":[${wide(500_000, () => '1')}]}}`, 400],
    ['a list in place of the body', `[${wide(200_000, () => '{}')}]`, 400],
  ])('%s', async (_name, raw, status) => {
    const answer = await whileServingOthers(sendRaw(raw));
    if (status !== null) errorOf(answer, status);
    expect(answer.status).toBeLessThan(500);
    // What was wrong is named, not repeated at length.
    expect(answer.text.length).toBeLessThan(20_000);
  });

  it('a body over the limit is refused before it is read to its end', async () => {
    errorOf(await sendRaw('['.repeat(2 * MIB)), 413, 'PAYLOAD_TOO_LARGE');
    errorOf(await sendRaw('['.repeat(2 * MIB), { 'transfer-encoding': 'chunked' }), 413, 'PAYLOAD_TOO_LARGE');
  });

  it('a nested value that is stored is not deeper than what can be read back', async () => {
    const nested = (depth: number): string =>
      `{${name},"metadata":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
    const stored = await sendRaw(nested(62));
    expect(stored.status).toBe(201);
    errorOf(await sendRaw(nested(63)), 400, 'INVALID_REQUEST');
  });
});

describe('compressed bodies', () => {
  const bomb = Buffer.from(JSON.stringify({ name: 'x', metadata: { a: ' '.repeat(50 * MIB) } }));
  it.each([
    ['gzip', gzipSync(bomb)],
    ['x-gzip', gzipSync(bomb)],
    ['deflate', deflateSync(bomb)],
    ['br', brotliCompressSync(bomb.subarray(0, MIB))],
    ['zstd', zstdCompressSync(bomb)],
    ['gzip, gzip', gzipSync(gzipSync(bomb))],
    ['identity, gzip', gzipSync(bomb)],
    ['GZIP', gzipSync('{"name":"x"}')],
    ['compress', Buffer.from('{"name":"x"}')],
  ])('are refused with 415: %s', async (encoding, raw) => {
    errorOf(await sendRaw(raw, { 'content-encoding': encoding }), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('a gzip body that is not declared as one is no JSON', async () => {
    errorOf(await sendRaw(gzipSync('{"name":"x"}')), 400, 'INVALID_REQUEST');
  });

  it('identity is no compression', async () => {
    expect((await sendRaw('{"name":"x"}', { 'content-encoding': 'identity' })).status).toBe(201);
  });

  it('are refused as documents too', async () => {
    const headers = { 'content-encoding': 'gzip' };
    errorOf(await upload(project, 'a.md', gzipSync('# Title'), { headers }), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
});

describe('archives as documents', () => {
  /** A zip with one stored file of plain text: valid UTF-8 but for its header. */
  const zip = Buffer.concat([
    Buffer.from('PK\x03\x04\x0a\0\0\0\0\0', 'latin1'),
    Buffer.alloc(16),
    Buffer.from('\x05\0\0\0a.txthello', 'latin1'),
  ]);
  it.each([
    ['gzip', gzipSync('x'.repeat(10 * MIB))],
    ['zip', zip],
    ['an empty zip', Buffer.from(`PK\x05\x06${'\0'.repeat(18)}`, 'latin1')],
    ['bzip2', Buffer.from('BZh91AY&SY', 'latin1')],
    ['7z', Buffer.from('7z\xbc\xaf\x27\x1c', 'latin1')],
    ['xz', Buffer.from('\xfd7zXZ\0', 'latin1')],
    ['zstd', zstdCompressSync(Buffer.from('hello'))],
    ['rar', Buffer.from('Rar!\x1a\x07\0', 'latin1')],
  ])('%s', async (_name, content) => {
    for (const type of ['text/plain', 'text/markdown']) {
      const answer = await upload(project, 'a.md', content, { headers: { 'content-type': type } });
      expect([400, 415]).toContain(errorOf(answer).statusCode);
    }
    const honest = { headers: { 'content-type': 'application/zip' } };
    errorOf(await upload(project, 'a.zip', content, honest), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
});

describe('documents that are hard to split', () => {
  it.each([
    ['a heading of spaces', `# a${' '.repeat(400_000)}x`],
    ['a heading of hashes and spaces', `# a${' #'.repeat(200_000)}x`],
    ['one line of a megabyte', 'x'.repeat(MIB)],
    ['a megabyte of line ends', '\n'.repeat(MIB)],
    ['100,000 headings', '# h\n'.repeat(100_000)],
    [
      'headings ever deeper',
      Array.from({ length: 20_000 }, (_, at) => `${'#'.repeat(1 + (at % 6))} h`).join('\n'),
    ],
    ['fences that never end', '```\n'.repeat(100_000)],
  ])('%s', { timeout: 60_000 }, async (name, content) => {
    const answer = await whileServingOthers(
      upload(project, `${name.replaceAll(' ', '-')}.md`, content, { timeoutMs: 45_000 }),
    );
    expect(answer.status).toBeLessThan(500);
  });
});

/** Texts on which patterns of the common, careless kind take quadratic time or worse. */
const PUMPED: readonly (readonly [string, string])[] = [
  ['spaces', `a${' '.repeat(90_000)}b`],
  ['tabs and line ends', `a${'\t\n'.repeat(45_000)}b`],
  ['letters', `${'a'.repeat(90_000)}!`],
  ['digits', `${'1'.repeat(90_000)}!`],
  ['dots', `${'a.'.repeat(45_000)}!`],
  ['at signs', `${'a@'.repeat(45_000)}!`],
  ['an address', `a@${'a.'.repeat(45_000)}@`],
  ['dashes', `${'a-'.repeat(45_000)}_`],
  ['slashes', `${'/a'.repeat(45_000)}\\`],
  ['question marks', `calculate 1+1${'?'.repeat(80_000)}x`],
  ['words of a conjunction', `x${' and'.repeat(20_000)}`],
  ['a tool call', `/calculate ${' '.repeat(80_000)}x`],
  ['addresses', 'fetch http://a,'.repeat(6_000)],
  ['tokens', 'eyJaaaaaaaa-'.repeat(7_500)],
];

describe('ReDoS: texts that make careless patterns slow', () => {
  it.each(PUMPED)('in a path, a header and a query: %s', async (_name, text) => {
    const short = encodeURIComponent(text.slice(0, 4_000));
    for (const path of [sessionPath(short), `${PROJECTS}?cursor=${short}`, `${PROJECTS}?limit=${short}`]) {
      expect((await get(path)).status).toBeLessThan(500);
      expect((await get(path)).status).toBeGreaterThanOrEqual(400);
    }
    const value = text.slice(0, 4_000).replaceAll(/[\r\n]/g, ' ');
    for (const header of [
      'x-request-id',
      'idempotency-key',
      'if-none-match',
      'accept',
      'last-event-id',
      'user-agent',
      'x-forwarded-for',
      'x-api-version',
      'origin',
    ]) {
      expect((await get(PROJECTS, { headers: { [header]: value } })).status).toBeLessThan(500);
    }
    for (const header of ['authorization', 'x-api-key', 'cookie']) {
      const answer = await get(PROJECTS, { token: null, headers: { [header]: value } });
      errorOf(answer, 401, 'UNAUTHORIZED');
    }
    errorOf(await sendRaw('{"name":"x"}', { 'content-type': value }), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it.each(PUMPED)('in every text of every JSON body: %s', { timeout: 120_000 }, async (_name, text) => {
    for (const operation of jsonOperations()) {
      const shape = api.resolve(operation.body!['application/json']!.schema!);
      const body = Object.fromEntries(Object.keys(shape.properties ?? {}).map((field) => [field, text]));
      const answer = await send({ method: operation.method, path: pathOf(operation), body });
      const { status } = answer;
      expect({ id: operation.id, status, refused: status >= 400 && status < 500 }).toMatchObject({
        refused: true,
      });
    }
  });

  it.each(PUMPED)(
    'in a message that the offline model answers: %s',
    { timeout: 60_000 },
    async (_name, text) => {
      const agent = await makeAgent(project, { tools: ['calculate', 'current_time', 'search_documents'] });
      const session = await makeSession(project, { agent_id: agent.id });
      const { run } = await say(session, text);
      const ended = await whileServingOthers(waitForRun(run!));
      expect(ended.status).toBe('completed');
    },
  );
});

/** Those with a JSON body, without those that would end the suite's own access. */
function jsonOperations(): Operation[] {
  const found = api.operations.filter(({ body }) => body?.['application/json']?.schema !== undefined);
  expect(found.length).toBeGreaterThan(20);
  return found;
}

const pathOf = ({ path }: Operation): string =>
  path
    .replaceAll('{step_index}', '0')
    .replaceAll('{version}', '1')
    .replaceAll(/\{\w+\}/g, crypto.randomUUID());

describe('prototype pollution', () => {
  const KEYS = [
    '"__proto__":{"admin":true}',
    '"__proto__":null',
    '"\\u005f_proto__":{"admin":true}',
    '"constructor":{"prototype":{"admin":true}}',
    '"a":{"__proto__":{"admin":true}}',
    '"metadata":{"__proto__":{"scopes":["admin"]}}',
    '"metadata":{"a":[{"constructor":{"prototype":{"admin":true}}}]}',
  ];
  const check = async (): Promise<string> => (await get(`${V1}/me`)).text;
  let before: string;
  beforeAll(async () => {
    before = await check();
  });

  it.each(KEYS)('%s is refused by every route that takes JSON', { timeout: 60_000 }, async (member) => {
    for (const operation of jsonOperations()) {
      const headers = { 'content-type': 'application/json' };
      const answer = await send({
        method: operation.method,
        path: pathOf(operation),
        raw: `{${member}}`,
        headers,
      });
      const { status } = answer;
      expect({ id: operation.id, status, refused: status >= 400 && status < 500 }).toMatchObject({
        refused: true,
      });
    }
    expect(await check()).toBe(before);
  });

  it.each([
    '?__proto__[admin]=true',
    '?__proto__=1',
    '?constructor.prototype.admin=1',
    '?constructor=1',
    '?toString=1',
  ])('in a query: %s', async (query) => {
    expect(fieldsOf(await get(PROJECTS + query))).toHaveLength(1);
  });

  it('names that objects have from birth are just names', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      const made = await post(PROJECTS, { name });
      expect(made.status).toBe(201);
      expect((made.json as { data: { name: string } }).data.name).toBe(name);
      errorOf(await get(sessionPath(name)), 404, 'NOT_FOUND');
    }
    const metadata = { toString: 1, hasOwnProperty: 2, valueOf: [3], length: -1 };
    const kept = await post(PROJECTS, { name: 'x', metadata });
    expect((kept.json as { data: { metadata: object } }).data.metadata).toEqual(metadata);
  });
});

describe('many and slow headers', () => {
  const agent = new Agent();
  afterAll(() => agent.destroy());
  const statusOf = (headers: Record<string, string | string[]>): Promise<number> =>
    new Promise((resolve, reject) => {
      const url = new URL(target.url);
      const sent = request(
        { host: url.hostname, port: url.port, path: '/health', headers, agent },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      sent.on('error', reject).end();
    });

  it('too many bytes of headers are refused', async () => {
    expect(await statusOf({ 'x-big': 'x'.repeat(100_000) })).toBe(431);
    expect(await statusOf({ cookie: 'a=b; '.repeat(20_000) })).toBe(431);
  });

  it('a thousand headers are no trouble', async () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`x-${at}`, '1']));
    expect([200, 400, 431]).toContain(await statusOf(many));
    expect(await statusOf({})).toBe(200);
  });
});
