import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestHttp, listen } from '../../../test/http-app.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Use } from '../../core/api-usage/index.ts';
import type { RouteDoc } from './route-doc.ts';
import { defineRoute } from './route.ts';
import { ok, okBody } from './schema.ts';

const auth = { authorization: 'Bearer token-read' };
const open: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

function start(options: Parameters<typeof createTestHttp>[0] = {}, doc: Pick<RouteDoc, 'deprecated'> = {}) {
  const { app } = createTestHttp(options);
  open.push(app);
  for (const url of ['/api/v1/things/:thing_id', '/api/v2/things/:thing_id']) {
    defineRoute(app, {
      method: 'GET',
      operationId: url,
      summary: 'x',
      tags: ['x'],
      auth: 'required',
      params: z.object({ thing_id: z.string() }),
      response: { 200: ok(z.object({})) },
      handler: async () => okBody({}),
      ...(url.includes('v1') ? doc : {}),
      url,
    });
  }
  return app;
}

describe('a deprecated route', () => {
  const deprecated = {
    since: '2029-07-01',
    sunset: '2030-03-01',
    successor: '/api/v2/things/:thing_id',
    docs: '/api/docs#/x/getThing',
  };
  const DAY = 86_400_000;

  it('BF-1.4.b BF-1.4.e says since when, until when, and what comes instead', async () => {
    const app = start({ clock: new ManualClock(Date.UTC(2030, 0, 1)) }, { deprecated });
    const answer = await app.inject({ url: '/api/v1/things/a%2Fb', headers: auth });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers.deprecation).toBe('@1877558400');
    expect(answer.headers.sunset).toBe('Fri, 01 Mar 2030 00:00:00 GMT');
    const links = String(answer.headers.link).split(', ');
    expect(links).toContain('</api/docs#/x/getThing>; rel="deprecation"; type="text/html"');
    expect(links).toContain('</api/docs#/x/getThing>; rel="sunset"; type="text/html"');
    expect(links).toContain('</api/v2/things/a%2Fb>; rel="successor-version"');
    const next = await app.inject({ url: '/api/v2/things/a', headers: auth });
    expect([next.headers.deprecation, next.headers.sunset, next.headers.link]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('says so in refusals too', async () => {
    const app = start({}, { deprecated: { ...deprecated, sunset: undefined } });
    const answer = await app.inject('/api/v1/things/a');
    expect([answer.statusCode, answer.headers.deprecation, answer.headers.sunset]).toEqual([
      401,
      '@1877558400',
      undefined,
    ]);
  });

  it('answers 410 from the moment of its sunset, to anybody', async () => {
    const clock = new ManualClock(Date.UTC(2030, 1, 28, 23, 59, 59, 999));
    const app = start({ clock }, { deprecated });
    expect((await app.inject({ url: '/api/v1/things/a', headers: auth })).statusCode).toBe(200);
    clock.advance(1);
    for (const headers of [auth, {}]) {
      const answer = await app.inject({ url: '/api/v1/things/a', headers });
      expect([answer.statusCode, answer.json().code]).toEqual([410, 'ROUTE_GONE']);
      expect(answer.json().details).toEqual({ sunset: '2030-03-01', successor: '/api/v2/things/a' });
      expect(answer.json().suggestion).toContain('/api/v2/things/a');
      expect(answer.headers['cache-control']).toBe('no-store');
    }
    clock.advance(DAY);
    expect((await app.inject({ url: '/api/v2/things/a', headers: auth })).statusCode).toBe(200);
  });

  it.each([
    [{ ...deprecated, sunset: '2029-07-01' }, 'A sunset comes after its deprecation.'],
    [{ ...deprecated, since: 'soon' }, 'soon is not a date'],
  ])('cannot be declared with dates that make no sense', (bad, message) => {
    expect(() => start({}, { deprecated: bad })).toThrow(message);
  });
});

it('BF-1.4.a answers an unknown version with the one error body and a hint', async () => {
  const app = start();
  for (const url of ['/api/v9/things', '/api/v9', '/api/v10/things/a?x=1']) {
    const answer = await app.inject({ url, headers: auth });
    expect([url, answer.statusCode, answer.json().code]).toEqual([url, 404, 'NOT_FOUND']);
    expect(answer.json().suggestion).toMatch(/^There is no version v(9|10) of this API; it speaks v1 and v2/);
  }
  const known = await app.inject({ url: '/api/v1/nothing', headers: auth });
  expect([known.statusCode, known.json().suggestion]).toEqual([404, undefined]);
});

it('counts the answered calls of somebody known by version, route template and caller', async () => {
  const uses: Use[] = [];
  const app = start({ countUse: (use) => void uses.push(use) });
  await app.inject({ url: '/api/v1/things/a', headers: auth });
  await app.inject({ url: '/api/v2/things/b', headers: auth });
  await app.inject('/api/v1/things/a');
  await app.inject({ url: '/api/v1/unknown', headers: auth });
  await app.inject({ url: '/health', headers: auth });
  const tenantId = '0195a7f0-0000-7000-8000-000000000001';
  const principal = 'key:token-read';
  expect(uses).toEqual([
    { tenantId, principal, version: 'v1', route: 'GET /api/v1/things/:thing_id' },
    { tenantId, principal, version: 'v2', route: 'GET /api/v2/things/:thing_id' },
  ]);
});

describe('CORS', () => {
  const APP = 'https://app.example.com';
  const corsOrigins = [APP, 'vscode-webview://*', 'chrome-extension://abcdef'];
  const preflight = (app: FastifyInstance, origin: string, url = '/api/v1/things/a') =>
    app.inject({
      method: 'OPTIONS',
      url,
      headers: {
        origin,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'x-api-key',
      },
    });

  it('says nothing to anybody by default', async () => {
    const app = start();
    const answer = await app.inject({ url: '/api/v1/things/a', headers: { ...auth, origin: APP } });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect((await preflight(app, APP)).statusCode).toBe(405);
  });

  it('answers the preflight of a listed origin with the methods of the path', async () => {
    const app = start({ corsOrigins });
    const answer = await preflight(app, APP);
    expect([answer.statusCode, answer.body]).toEqual([204, '']);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-max-age': '600',
      vary: 'origin',
    });
    expect(answer.headers['access-control-allow-headers']).toMatch(/x-api-key.*/);
  });

  it('lets a listed origin read answers and refusals, with cookies only where it is named in full', async () => {
    const app = start({ corsOrigins });
    for (const headers of [auth, {}]) {
      const answer = await app.inject({ url: '/api/v1/things/a', headers: { ...headers, origin: APP } });
      expect(answer.headers['access-control-allow-origin']).toBe(APP);
      expect(answer.headers['access-control-allow-credentials']).toBe('true');
      expect(answer.headers['access-control-expose-headers']).toContain('etag');
    }
    const editor = await app.inject({
      url: '/api/v1/things/a',
      headers: { ...auth, origin: 'vscode-webview://1b2c3d' },
    });
    expect(editor.headers['access-control-allow-origin']).toBe('vscode-webview://1b2c3d');
    expect(editor.headers['access-control-allow-credentials']).toBeUndefined();
  });

  it.each([
    'https://evil.example.com',
    'https://app.example.com.evil.com',
    'http://app.example.com',
    'https://app.example.com:8443',
    'chrome-extension://abcdefg',
    'vscode-webview-evil://x',
    'null',
    '',
  ])('gives %j nothing', async (origin) => {
    const app = start({ corsOrigins });
    const answer = await app.inject({ url: '/api/v1/things/a', headers: { ...auth, origin } });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect(answer.headers.vary).toBe('origin');
    expect((await preflight(app, origin)).statusCode).toBe(405);
  });

  it('with * lets every origin in, never with credentials', async () => {
    const app = start({ corsOrigins: ['*'] });
    const answer = await app.inject({
      url: '/api/v1/things/a',
      headers: { ...auth, origin: 'https://any.example' },
    });
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
  });

  it('has no preflight for what is not there', async () => {
    const app = start({ corsOrigins });
    expect((await preflight(app, APP, '/api/v1/nothing')).statusCode).toBe(404);
  });
});

/** Sends bytes as they are: clients would not send such a request. */
async function sendRaw(app: FastifyInstance, head: string): Promise<string> {
  const socket = connect(await listen(app), '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.end(`${head}\r\nConnection: close\r\n\r\n`);
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('headers', () => {
  it.each([
    ['Host', 'Host: a\r\nHost: b'],
    ['Content-Type', 'Host: a\r\nContent-Type: application/json\r\nContent-Type: text/plain'],
  ])('refuses a second %s', async (name, lines) => {
    const answer = await sendRaw(start(), `GET /api/v1/things/a HTTP/1.1\r\n${lines}`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"INVALID_REQUEST"');
    expect(answer.toLowerCase()).toContain(`${name.toLowerCase()} was sent more than once`);
  });

  it('refuses headers beyond the limit with 431', async () => {
    const answer = await sendRaw(
      start(),
      `GET /api/v1/things/a HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('refuses a compressed body with 415 instead of unpacking it', async () => {
    const { app } = createTestHttp();
    open.push(app);
    defineRoute(app, {
      method: 'POST',
      url: '/x',
      operationId: 'x',
      summary: 'x',
      tags: ['x'],
      auth: 'none',
      body: z.strictObject({}),
      response: { 200: ok(z.object({})) },
      handler: async () => okBody({}),
    });
    const post = (coding: string) =>
      app.inject({
        method: 'POST',
        url: '/x',
        headers: { 'content-type': 'application/json', 'content-encoding': coding },
        payload: '{}',
      });
    for (const coding of ['gzip', 'br', 'deflate', 'identity, gzip'])
      expect([coding, (await post(coding)).statusCode]).toEqual([coding, 415]);
    expect((await post('identity')).statusCode).toBe(200);
  });
});
