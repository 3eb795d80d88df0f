import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createClient, HoldfastError, paginate, type ClientOptions } from '../index.ts';

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

type Answer = (response: ServerResponse) => void;

const PROJECT = {
  id: '0191e7a0-0000-7000-8000-000000000001',
  name: 'One',
  metadata: {},
  guest_access: false,
  version: 3,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
};

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

/** A server that answers one request after another as told, the last answer again and again. */
async function serve(answers: Answer[], options: Partial<ClientOptions> = {}) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const answer = answers[Math.min(seen.length, answers.length - 1)]!;
      seen.push({ method: request.method!, url: request.url!, headers: request.headers, body });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const client = createClient({ baseUrl, apiKey: 'hf_key', retry: { baseMs: 1 }, ...options });
  return { client, seen };
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));
const ok = json(201, { success: true, data: PROJECT });
const refusal = (statusCode: number, code: string, more: object = {}): Answer =>
  json(
    statusCode,
    { success: false, code, message: `said ${code}`, statusCode, ...more },
    { 'x-request-id': 'r1' },
  );
const cut: Answer = (response) => void response.destroy();
const page: Answer = (response) => void response.writeHead(502).end('<html>Bad gateway</html>');
const half: Answer = (response) =>
  void response.writeHead(200, { 'content-length': 1000 }).write('{"success":', () => response.destroy());
const blank: Answer = (response) => void response.writeHead(200).end('');

test.each<[string, Answer]>([
  ['a connection that is cut', cut],
  ['an answer that ends in its middle', half],
  ['an empty 200', blank],
  ["a proxy's 502", page],
  ['429', refusal(429, 'RATE_LIMIT', { retryAfter: 0 })],
  ['503', refusal(503, 'SERVICE_UNAVAILABLE')],
  ['a twin that is still worked on', refusal(409, 'IDEMPOTENCY_IN_FLIGHT', { retryAfter: 0 })],
  ['504', refusal(504, 'TIMEOUT')],
])('%s: sent again with the same Idempotency-Key', async (_name, answer) => {
  const { client, seen } = await serve([answer, answer, ok]);
  expect(await client.projects.create({ name: 'One' })).toEqual(PROJECT);
  expect(seen).toHaveLength(3);
  expect(new Set(seen.map(({ headers }) => headers['idempotency-key']))).toEqual(
    new Set([expect.stringMatching(/^[0-9a-f]{32}$/)]),
  );
  expect(new Set(seen.map(({ body }) => body))).toEqual(new Set(['{"name":"One"}']));
  expect(seen[0]).toMatchObject({
    method: 'POST',
    url: '/api/v1/projects',
    headers: { 'x-api-key': 'hf_key' },
  });
});

test.each<[string, Answer, number]>([
  ['400', refusal(400, 'VALIDATION_ERROR'), 400],
  ['401', refusal(401, 'UNAUTHORIZED'), 401],
  ['409', refusal(409, 'RESOURCE_CONFLICT'), 409],
  ['500', refusal(500, 'INTERNAL_ERROR'), 500],
  ['a used-up quota', refusal(429, 'QUOTA_EXCEEDED'), 429],
  ['a server that asks for an hour', refusal(503, 'SERVICE_UNAVAILABLE', { retryAfter: 3600 }), 503],
])('%s: not sent again', async (_name, answer, status) => {
  const { client, seen } = await serve([answer]);
  await expect(client.projects.create({ name: 'One' })).rejects.toMatchObject({ status });
  expect(seen).toHaveLength(1);
});

test('a refusal carries all that its body says', async () => {
  const errors = [{ field: 'name', message: 'is too long' }];
  const more = { errors, details: { field: 'name' }, retryAfter: 61 };
  const { client } = await serve([refusal(400, 'VALIDATION_ERROR', more)]);
  const error = await client.projects.get('x').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HoldfastError);
  expect(error).toMatchObject({
    code: 'VALIDATION_ERROR',
    status: 400,
    message: 'said VALIDATION_ERROR',
    errors,
    details: { field: 'name' },
    retryAfter: 61,
    requestId: 'r1',
  });
});

test.each<[string, Answer, object]>([
  ["a proxy's page", page, { code: 'UNEXPECTED_REPLY', status: 502 }],
  ['JSON of something else', json(404, { oops: true }), { code: 'UNEXPECTED_REPLY', status: 404 }],
  [
    'a reply of another form',
    json(200, { success: true, data: {} }),
    { code: 'UNEXPECTED_REPLY', status: 200 },
  ],
  ['no answer at all', cut, { code: 'UNREACHABLE', status: 0 }],
])('%s becomes a HoldfastError', async (_name, answer, expected) => {
  const { client } = await serve([answer], { retry: { attempts: 2, baseMs: 1 } });
  const error = await client.projects.get('x').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HoldfastError);
  expect(error).toMatchObject(expected);
});

test('an attempt without an answer is given up and made again', async () => {
  const { client, seen } = await serve([() => undefined, ok], { timeoutMs: 100 });
  expect(await client.projects.get('x')).toEqual(PROJECT);
  expect(seen).toHaveLength(2);
});

test('Retry-After is waited for', async () => {
  const { client } = await serve([refusal(429, 'RATE_LIMIT', { retryAfter: 1 }), ok]);
  const started = performance.now();
  await client.projects.get('x');
  expect(performance.now() - started).toBeGreaterThanOrEqual(990);
});

test("the caller's signal ends a call, also while it waits to try again", async () => {
  const { client } = await serve([refusal(503, 'SERVICE_UNAVAILABLE', { retryAfter: 50 })]);
  const stop = new AbortController();
  const call = client.projects.get('x', { signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(call).rejects.toThrow('enough');
  await expect(client.projects.get('x', { signal: stop.signal })).rejects.toThrow('enough');
});

test('a change is meant for one version, given as a number or as an ETag', async () => {
  const { client, seen } = await serve([ok, ok, refusal(412, 'PRECONDITION_FAILED'), ok]);
  await client.projects.update('x', { name: 'One' }, { ifMatch: PROJECT.version });
  await client.projects.update('x', { name: 'One' }, { ifMatch: '"3.abc"' });
  const late = client.projects.update('x', { name: 'One' }, { ifMatch: 2 });
  await expect(late).rejects.toMatchObject({ code: 'PRECONDITION_FAILED', status: 412 });
  await client.projects.update('x', { name: 'One' });
  expect(seen.map(({ headers }) => headers['if-match'])).toEqual(['"3"', '"3.abc"', '"2"', undefined]);
});

test('a page says the total where the server counts', async () => {
  const body = (pagination: object) =>
    json(200, {
      success: true,
      data: [PROJECT],
      pagination: { limit: 20, next_cursor: null, ...pagination },
    });
  const { client } = await serve([body({ total: 1 }), body({ total: null }), body({})]);
  expect((await client.projects.list()).total).toBe(1);
  expect((await client.projects.list()).total).toBeNull();
  expect(await client.projects.list()).not.toHaveProperty('total');
});

test('a message keeps its client_msg_id over all attempts', async () => {
  const { client, seen } = await serve([cut, refusal(404, 'NOT_FOUND')]);
  await expect(client.messages.post('a/b', { content: 'hi' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const [first, second] = seen.map(({ body }) => JSON.parse(body) as { client_msg_id: string });
  expect(first).toEqual({ content: 'hi', client_msg_id: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(second).toEqual(first);
  expect(seen[0]!.url).toBe('/api/v1/sessions/a%2Fb/messages');
});

test('a deletion whose reply was lost is done, a deletion of nothing is not', async () => {
  const lost = await serve([cut, refusal(404, 'NOT_FOUND')]);
  await expect(lost.client.documents.delete('d')).resolves.toBeUndefined();
  const { client } = await serve([refusal(404, 'NOT_FOUND')]);
  await expect(client.documents.delete('d')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('an API key whose secret was lost on the way is revoked, and another one made', async () => {
  const key = {
    ...PROJECT,
    prefix: 'hf_',
    scopes: ['read'],
    created_by: 'user:u',
    expires_at: null,
    revoked_at: null,
    last_used_at: null,
    previous_expires_at: null,
  };
  const made = (id: string, secret: string | null) =>
    json(201, { success: true, data: { ...key, id, secret } });
  const lostId = '0191e7a0-0000-7000-8000-0000000000aa';
  const { client, seen } = await serve([cut, made(lostId, null), made(lostId, null), made(PROJECT.id, 's')]);
  expect(await client.apiKeys.create({ name: 'k', scopes: ['read'] })).toMatchObject({
    id: PROJECT.id,
    secret: 's',
  });
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'POST /api/v1/api-keys',
    'POST /api/v1/api-keys',
    `DELETE /api/v1/api-keys/${lostId}`,
    'POST /api/v1/api-keys',
  ]);
  expect(seen[3]!.headers['idempotency-key']).not.toBe(seen[0]!.headers['idempotency-key']);
});

test('the token is asked for before each attempt', async () => {
  let asked = 0;
  const token = async () => `t${(asked += 1)}`;
  const { client, seen } = await serve([cut, ok], { apiKey: undefined, token });
  await client.projects.get('x');
  expect(seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer t1', 'Bearer t2']);
});

test('paginate goes on to the last page', async () => {
  const many = (next_cursor: string | null): Answer =>
    json(200, { success: true, data: [PROJECT, PROJECT], pagination: { limit: 2, next_cursor } });
  const { client, seen } = await serve([many('c1'), many('c2'), many(null)]);
  let count = 0;
  for await (const project of paginate((cursor) => client.projects.list({ limit: 2, cursor }))) {
    expect(project).toEqual(PROJECT);
    count += 1;
  }
  expect(count).toBe(6);
  expect(seen.map(({ url }) => url.split('?')[1])).toEqual([
    'limit=2',
    'limit=2&cursor=c1',
    'limit=2&cursor=c2',
  ]);
});
