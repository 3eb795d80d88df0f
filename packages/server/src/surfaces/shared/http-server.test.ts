import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { errorBodySchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestHttp, listen, type LoggedApp } from '../../../test/http-app.ts';
import { DomainError } from '../../core/errors.ts';
import { defineRoute } from './route.ts';
import { idParam, ok, okBody } from './schema.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const URL_OK = '/things/0195a7f0-0000-7000-8000-000000000002';

let http: LoggedApp;
let app: FastifyInstance;
let port: number;
let inHandler: PromiseWithResolvers<void> | null = null;
let release: PromiseWithResolvers<void> | null = null;

function throwing(kind: string): never {
  if (kind === 'domain')
    throw new DomainError('LEASE_LOST', 'Another holder has it.', { details: { epoch: 3 } });
  if (kind === 'rate') throw new DomainError('RATE_LIMIT', undefined, { retryAfter: 7.2 });
  if (kind === 'pg')
    throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.9'), { code: 'ECONNREFUSED' });
  if (kind === 'terminated') throw new Error('Connection terminated unexpectedly');
  if (kind === 'zod') z.object({ a: z.object({ b: z.string() }), c: z.int() }).parse({ a: {}, c: 1.5 });
  // eslint-disable-next-line typescript/only-throw-error -- libraries do throw strings
  if (kind === 'string') throw 'canary-secret-string';
  throw new Error('canary-secret-message');
}

function addRoutes(to: FastifyInstance): void {
  defineRoute(to, {
    method: 'PUT',
    url: '/things/:id',
    operationId: 'putThing',
    summary: 'x',
    tags: ['x'],
    auth: 'none',
    params: z.object({ id: idParam('Thing') }),
    body: z.looseObject({}),
    bodyLimit: 100_000,
    response: { 200: ok(z.object({ id: z.string() })) },
    handler: async (_ctx, { params }) => okBody({ id: params.id }),
  });
  defineRoute(to, {
    method: 'GET',
    url: '/fail/:kind',
    operationId: 'fail',
    summary: 'x',
    tags: ['x'],
    auth: 'none',
    params: z.object({ kind: z.string() }),
    response: { 200: ok(z.null()) },
    handler: async (_ctx, { params }) => throwing(params.kind),
  });
  defineRoute(to, {
    method: 'GET',
    url: '/wait',
    operationId: 'wait',
    summary: 'x',
    tags: ['x'],
    auth: 'none',
    response: { 200: ok(z.literal('done')) },
    handler: async () => {
      inHandler?.resolve();
      await release?.promise;
      return okBody('done' as const);
    },
  });
}

beforeAll(async () => {
  http = createTestHttp({ slowMs: 60_000 });
  app = http.app;
  addRoutes(app);
  port = await listen(app);
});
afterAll(() => app.close());

async function raw(bytes: string, to = port): Promise<{ status: number; headers: string; body: string }> {
  const socket = connect({ host: '127.0.0.1', port: to, allowHalfOpen: true });
  socket.write(bytes, 'latin1');
  const answer = await text(socket);
  socket.destroy();
  const split = answer.indexOf('\r\n\r\n');
  return {
    status: Number(answer.slice(9, 12)),
    headers: answer.slice(0, split).toLowerCase(),
    body: answer.slice(split + 4),
  };
}

const put = (body: string, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'PUT',
    url: URL_OK,
    headers: { 'content-type': 'application/json', ...headers },
    payload: body,
  });

describe('every refusal', () => {
  const cases: [string, () => ReturnType<typeof put>, number, string][] = [
    ['unknown path', () => app.inject('/nowhere'), 404, 'NOT_FOUND'],
    ['wrong method', () => app.inject({ method: 'DELETE', url: URL_OK }), 405, 'METHOD_NOT_ALLOWED'],
    ['broken JSON', () => put('{"a":'), 400, 'INVALID_REQUEST'],
    ['__proto__ key', () => put('{"a":{"__proto__":{"x":1}}}'), 400, 'INVALID_REQUEST'],
    ['constructor.prototype key', () => put('{"constructor":{"prototype":{}}}'), 400, 'INVALID_REQUEST'],
    ['other content type', () => put('a=1', { 'content-type': 'text/plain' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['no content type', () => put('a', { 'content-type': '' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['body over the limit', () => put(JSON.stringify({ a: 'x'.repeat(100_000) })), 413, 'PAYLOAD_TOO_LARGE'],
    ['bad percent-encoding', () => app.inject('/things/%ff%'), 400, 'INVALID_REQUEST'],
    [
      'over-long path id',
      () => app.inject({ method: 'PUT', url: `/things/${'a'.repeat(300)}` }),
      404,
      'NOT_FOUND',
    ],
    ['a path id that is no id', () => app.inject({ method: 'PUT', url: '/things/7' }), 404, 'NOT_FOUND'],
    ['domain error', () => app.inject('/fail/domain'), 409, 'LEASE_LOST'],
    ['zod error from a verb', () => app.inject('/fail/zod'), 400, 'VALIDATION_ERROR'],
    ['lost database', () => app.inject('/fail/pg'), 503, 'SERVICE_UNAVAILABLE'],
    ['cut database connection', () => app.inject('/fail/terminated'), 503, 'SERVICE_UNAVAILABLE'],
    ['unknown error', () => app.inject('/fail/unknown'), 500, 'INTERNAL_ERROR'],
    ['thrown string', () => app.inject('/fail/string'), 500, 'INTERNAL_ERROR'],
  ];
  it.each(cases)(
    '%s: status, code, the one body, request id, security headers',
    async (_n, send, status, code) => {
      const answer = await send();
      expect(answer.statusCode).toBe(status);
      const body = errorBodySchema.strict().parse(answer.json());
      expect(body).toMatchObject({ code, statusCode: status, request_id: answer.headers['x-request-id'] });
      expect(answer.headers['x-request-id']).toMatch(UUID);
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.body).not.toContain('canary-secret');
      expect(answer.body).not.toContain('10.0.0.9');
    },
  );

  it('names the methods of a known path in Allow', async () => {
    const answer = await app.inject({ method: 'POST', url: URL_OK });
    expect(answer.headers.allow).toBe('PUT');
    expect((await app.inject({ method: 'POST', url: '/wait' })).headers.allow).toBe('GET, HEAD');
  });

  it('carries Retry-After in whole seconds on 429 and 503', async () => {
    const limited = await app.inject('/fail/rate');
    expect(limited.headers['retry-after']).toBe('8');
    expect(limited.json()).toMatchObject({ retryAfter: 8 });
    expect((await app.inject('/fail/pg')).headers['retry-after']).toBe('1');
  });

  it('logs an unknown error with its stack', async () => {
    const { headers } = await app.inject('/fail/unknown');
    const line = http.lines().find((l) => l.request_id === headers['x-request-id'] && l.err !== undefined);
    expect(line).toMatchObject({ level: 'error', err: { message: 'canary-secret-message' } });
    expect((line!.err as { stack: string }).stack).toContain('http-server.test.ts');
  });

  it('leaves the query out of path and log', async () => {
    const answer = await app.inject('/nowhere?token=abc123secret');
    expect(answer.json()).toMatchObject({ path: '/nowhere' });
    expect(http.text()).not.toContain('abc123secret');
  });
});

describe('request id', () => {
  it('echoes a safe one', async () => {
    const answer = await app.inject({ url: '/wait', headers: { 'x-request-id': 'trace_1.a-B' } });
    expect(answer.headers['x-request-id']).toBe('trace_1.a-B');
  });
  it.each(['a b', 'x'.repeat(129), 'é', 'a;b', ''])('replaces %j', async (given) => {
    const answer = await app.inject({ url: '/wait', headers: { 'x-request-id': given } });
    expect(answer.headers['x-request-id']).toMatch(UUID);
  });
});

describe('JSON bodies', () => {
  const nested = (depth: number) => '['.repeat(depth - 1) + ']'.repeat(depth - 1);
  it('takes 64 levels and refuses 65', async () => {
    expect((await put(`{"a":${nested(64)}}`)).statusCode).toBe(200);
    const refused = await put(`{"a":${nested(65)}}`);
    expect([refused.statusCode, refused.json().code]).toEqual([400, 'INVALID_REQUEST']);
  });
  it('survives nesting as deep as the body limit allows', async () => {
    expect((await put(`{"a":${nested(49_000)}}`)).statusCode).toBe(400);
  });
  it.each([
    ['NUL in a value', '{"a":{"b":["x","y\\u0000"]}}', 'a.b.1'],
    ['NUL in a key', '{"a":{"k\\u0000":1}}', 'a.k\uFFFD'],
    ['lone high surrogate', '{"a":"\\ud800"}', 'a'],
    ['lone low surrogate', '{"a":"x\\udc00y"}', 'a'],
  ])('refuses %s and names the field', async (_name, body, field) => {
    const answer = await put(body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'VALIDATION_ERROR', errors: [{ field }] });
  });
  it('takes surrogate pairs and other escapes', async () => {
    expect((await put('{"a":"\\ud83d\\ude00 \\u00e9 \\\\u0000"}')).statusCode).toBe(200);
  });
  it('refuses bytes that are not UTF-8', async () => {
    const payload = Buffer.from('{"a":"\xff"}', 'latin1');
    const answer = await app.inject({
      method: 'PUT',
      url: URL_OK,
      headers: { 'content-type': 'application/json' },
      payload,
    });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'INVALID_REQUEST']);
  });
  it('takes a charset parameter', async () => {
    expect((await put('{}', { 'content-type': 'Application/JSON; charset=utf-8' })).statusCode).toBe(200);
  });
});

describe('on the wire', () => {
  const expectError = (answer: Awaited<ReturnType<typeof raw>>, status: number, code: string) => {
    expect(answer.status).toBe(status);
    const body = errorBodySchema.parse(JSON.parse(answer.body));
    expect(body).toMatchObject({ code, statusCode: status });
    expect(answer.headers).toContain(`x-request-id: ${body.request_id}`);
    expect(answer.headers).toContain('content-security-policy:');
  };
  it('answers what is not HTTP', async () =>
    expectError(await raw('NONSENSE\r\n\r\n'), 400, 'INVALID_REQUEST'));
  it('answers oversized headers', async () =>
    expectError(
      await raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`),
      431,
      'INVALID_REQUEST',
    ));
  it('answers a missing Host', async () =>
    expectError(await raw('GET /wait HTTP/1.1\r\nConnection: close\r\n\r\n'), 400, 'INVALID_REQUEST'));
  it('answers a strange Expect', async () =>
    expectError(await raw('GET /wait HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n'), 417, 'INVALID_REQUEST'));
  it('answers a method the router does not know', async () =>
    expectError(
      await raw('PROPFIND /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
      405,
      'METHOD_NOT_ALLOWED',
    ));
  it('answers an oversized chunked body', async () => {
    const chunk = `${(200_000).toString(16)}\r\n${'a'.repeat(200_000)}\r\n0\r\n\r\n`;
    const head = `PUT ${URL_OK} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    expectError(await raw(head + chunk), 413, 'PAYLOAD_TOO_LARGE');
  });
  it('ignores an upgrade to anything but WebSocket', async () => {
    const answer = await raw(
      'GET /wait HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n',
    );
    expect(answer.status).toBe(200);
  });
});

describe('request log', () => {
  it('writes one line a request: debug for success, info for failure, without secrets', async () => {
    const good = await app.inject({ url: '/wait', headers: { authorization: 'Bearer very-secret-token' } });
    const bad = await app.inject('/nowhere');
    const of = (id: unknown) => http.lines().filter((l) => l.request_id === id && l.msg === 'request');
    expect(of(good.headers['x-request-id'])).toMatchObject([{ level: 'debug', route: '/wait', status: 200 }]);
    expect(of(bad.headers['x-request-id'])).toMatchObject([
      { level: 'info', route: 'unmatched', status: 404 },
    ]);
    expect(http.text()).not.toContain('very-secret-token');
  });
});

describe('closing', () => {
  it('finishes what runs, refuses what comes, with the one body', async () => {
    const other = createTestHttp();
    addRoutes(other.app);
    const at = await listen(other.app);
    inHandler = Promise.withResolvers();
    release = Promise.withResolvers();
    const pipelined = 'GET /wait HTTP/1.1\r\nHost: a\r\n\r\n';
    const socket = connect({ host: '127.0.0.1', port: at, allowHalfOpen: true });
    const answer = text(socket);
    socket.write(pipelined);
    await inHandler.promise;
    const closed = other.app.close();
    await expect.poll(() => other.app.surface.draining).toBe(true);
    socket.write(pipelined);
    release.resolve();
    const received = await answer;
    await closed;
    socket.destroy();
    [inHandler, release] = [null, null];
    expect(received).toContain('"data":"done"');
    expect(received).toContain('HTTP/1.1 503');
    expect(received).toContain('"code":"SERVICE_UNAVAILABLE"');
    expect(received.toLowerCase()).toContain('retry-after: 1');
  });

  it('does not wait for a connection that never sent a request', async () => {
    const other = createTestHttp();
    const at = await listen(other.app);
    const spare = connect({ host: '127.0.0.1', port: at });
    await new Promise((resolve) => other.app.server.once('connection', resolve));
    const gone = new Promise((resolve) => spare.once('close', resolve));
    spare.resume();
    await other.app.close();
    await gone;
  });
});
