import { request as httpRequest } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { openHarness, type Harness } from '../../../test/harness.ts';
import { createTestHttp, listen, principalOf } from '../../../test/http-app.ts';
import { testLimits } from '../../../test/limits.ts';
import { LIMITS_OFF, type LimitNumbers } from '../../core/limit/index.ts';
import type { Limits } from '../../core/ports.ts';
import { addHealthRoute } from '../ops/health.ts';
import { defineRoute } from './route.ts';
import { ok, okBody } from './schema.ts';
import { streamSse } from './sse.ts';

const NUMBERS: LimitNumbers = {
  anonymous: { free: { minute: 5 }, stages: { slowUpTo: 1, blockAfter: null } },
  auth: { minute: 3 },
  page: { minute: 4 },
  platform: { free: { minute: 8 }, pro: { minute: 16 } },
  holder: { minute: 6 },
  tenant: { minute: 100 },
  'browser.resolve': { minute: 3 },
  'browser.interact': { minute: 3 },
  'browser.interact.user': { minute: 2 },
  fleet: { minute: 2 },
};
const NAMES = [
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'ratelimit',
  'ratelimit-policy',
];
const follower = { stop() {}, resume() {}, head: () => 0, cursor: () => 0 };

describe('rate limits over HTTP', () => {
  let h: Harness;
  let limits: Limits;
  let app: FastifyInstance;
  let address = 0;

  beforeAll(async () => {
    h = await openHarness();
  });
  afterAll(() => h.close());
  beforeEach(() => {
    limits = testLimits(h.services, NUMBERS);
    app = openApp(limits);
    address += 1;
  });
  afterEach(async () => {
    await app.close();
    await limits.close();
  });

  function openApp(own: Limits): FastifyInstance {
    const made = createTestHttp({
      services: { ...h.services, limits: own },
      trustedProxies: ['127.0.0.1'],
      bodyLimit: 1024,
    }).app;
    addHealthRoute(made);
    addRoutes(made);
    return made;
  }

  /** An address that no other test uses. */
  const ip = (): string => `203.0.113.${address}`;

  function send(
    path: string,
    {
      token = 'token-admin',
      ...more
    }: { token?: string; method?: 'GET' | 'POST'; payload?: string; headers?: Record<string, string> } = {},
  ) {
    const authorization = token === '' ? {} : { authorization: `Bearer ${token}` };
    const { method = 'GET', payload, headers } = more;
    const own = { 'x-forwarded-for': ip(), ...authorization, ...headers };
    return app.inject({ method, url: path, payload, headers: own });
  }

  async function statuses(path: string, times: number, more?: Parameters<typeof send>[1]): Promise<number[]> {
    const seen: number[] = [];
    for (let index = 0; index < times; index += 1) seen.push((await send(path, more)).statusCode);
    return seen;
  }

  test('B-43 the headers are on success and on 429; what remains falls by one, the reset is ahead', async () => {
    const answers = [];
    for (let index = 0; index < 9; index += 1) answers.push(await send('/things'));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([...Array<number>(8).fill(200), 429]);
    expect(answers.map(({ headers }) => Number(headers['x-ratelimit-remaining']))).toEqual([
      7, 6, 5, 4, 3, 2, 1, 0, 0,
    ]);
    for (const { headers } of answers) {
      expect(headers['x-ratelimit-limit']).toBe('8');
      const ahead = Number(headers['x-ratelimit-reset']) - Date.now() / 1000;
      expect(ahead).toBeGreaterThan(0);
      expect(ahead).toBeLessThanOrEqual(61);
    }
    const refusal = answers.at(-1)!;
    const body = refusal.json<{ code: string; retryAfter: number; details: object }>();
    expect(body).toMatchObject({
      code: 'RATE_LIMIT',
      details: { policy: 'platform', limit: 8, window_seconds: 60 },
    });
    expect(Number.isInteger(body.retryAfter)).toBe(true);
    expect(body.retryAfter).toBeGreaterThan(0);
    expect(refusal.headers['retry-after']).toBe(String(body.retryAfter));
  });

  test('the structured fields name every limit that was counted', async () => {
    const { headers } = await send('/resolve');
    expect(headers['ratelimit-policy']).toBe(
      '"platform";q=8;w=60, "tenant";q=100;w=60, "browser.resolve";q=3;w=60',
    );
    expect(headers['ratelimit']).toBe('"platform";r=7;t=60, "tenant";r=99;t=60, "browser.resolve";r=2;t=60');
    expect(headers['x-ratelimit-limit']).toBe('3');
  });

  test('BF-5.2.d from 80 % on a header warns', async () => {
    const warnings = [];
    for (let index = 0; index < 8; index += 1)
      warnings.push((await send('/things')).headers['x-ratelimit-warning']);
    expect(warnings.slice(0, 6)).toEqual(Array(6).fill(undefined));
    expect(warnings.slice(6)).toEqual(['platform: 1 of 8 left', 'platform: 0 of 8 left']);
  });

  test('BF-5.2.e every answer has the headers: 401, 403, 404, 405, 413, 415, 400, files, health', async () => {
    const answers = [
      [401, await send('/things', { token: '' })],
      [401, await send('/things', { token: 'wrong' })],
      [
        403,
        await send('/things', {
          method: 'POST',
          token: 'token-none',
          payload: '{}',
          headers: { 'content-type': 'application/json' },
        }),
      ],
      [404, await send('/nothing')],
      [405, await send('/health', { method: 'POST' })],
      [
        413,
        await send('/things', {
          method: 'POST',
          payload: `{"a":"${'x'.repeat(2000)}"}`,
          headers: { 'content-type': 'application/json' },
        }),
      ],
      [
        415,
        await send('/things', { method: 'POST', payload: 'a=b', headers: { 'content-type': 'text/plain' } }),
      ],
      [
        400,
        await send('/things', {
          method: 'POST',
          payload: '{',
          headers: { 'content-type': 'application/json' },
        }),
      ],
      [400, await send('/things?unknown=1')],
      [400, await send('/%E0%A4%A')],
      [200, await send('/page')],
      [200, await send('/health')],
    ] as const;
    for (const [status, answer] of answers) {
      expect(answer.statusCode).toBe(status);
      expect(Object.keys(answer.headers)).toEqual(expect.arrayContaining(NAMES));
    }
  });

  test('BF-5.2.e the head of a stream and a 101 have them too', async () => {
    const port = await listen(app);
    const headers = { authorization: 'Bearer token-admin' };
    const head = await new Promise<NodeJS.Dict<string | string[]>>((resolve, reject) => {
      const message = httpRequest({ host: '127.0.0.1', port, path: '/stream', headers }, (response) => {
        resolve(response.headers);
        response.destroy();
      });
      message.on('error', reject).end();
    });
    expect(head['content-type']).toMatch(/^text\/event-stream/);
    expect(Object.keys(head)).toEqual(expect.arrayContaining(NAMES));
    const upgraded = await new Promise<NodeJS.Dict<string | string[]>>((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/stream`, { headers });
      socket.on('upgrade', ({ headers: sent }) => {
        resolve(sent);
        socket.terminate();
      });
      socket.on('error', reject);
    });
    expect(upgraded['x-ratelimit-remaining']).toBe('6');
    expect(Object.keys(upgraded)).toEqual(expect.arrayContaining(NAMES));
  });

  test('BF-5.2.c B-45 strangers are limited by address, whatever they ask for', async () => {
    const paths = ['/things', '/nothing', '/public', '/things', '/nothing', '/things', '/public', '/nothing'];
    const seen = [];
    for (const path of paths) seen.push((await send(path, { token: '' })).statusCode);
    expect(seen).toEqual([401, 404, 200, 401, 404, 429, 429, 429]);
    address += 1;
    expect(await statuses('/public', 1, { token: '' })).toEqual([200]);
  });

  test('a wrong credential counts as none: guessing ends in 429', async () => {
    const seen = [];
    for (let guess = 0; guess < 7; guess += 1)
      seen.push((await send('/things', { token: `guess-${guess}` })).statusCode);
    expect(seen).toEqual([401, 401, 401, 401, 401, 429, 429]);
  });

  test('attack: another X-Forwarded-For before the own address does not escape the limit', async () => {
    const seen = [];
    for (let index = 0; index < 7; index += 1) {
      const headers = { 'x-forwarded-for': `198.51.100.${index}, ${ip()}` };
      seen.push((await send('/public', { token: '', headers })).statusCode);
    }
    expect(seen).toEqual([200, 200, 200, 200, 200, 429, 429]);
  });

  test('attack: the addresses of one IPv6 customer are one', async () => {
    const seen = [];
    for (let index = 0; index < 6; index += 1) {
      const headers = { 'x-forwarded-for': `2001:db8:${address}::${index + 1}` };
      seen.push((await send('/public', { token: '', headers })).statusCode);
    }
    expect(seen).toEqual([200, 200, 200, 200, 200, 429]);
  });

  test('BF-1.2.e who is known is limited by key, not by address', async () => {
    expect(await statuses('/public', 6, { token: '' })).toEqual([200, 200, 200, 200, 200, 429]);
    expect(await statuses('/things', 9)).toEqual([...Array<number>(8).fill(200), 429]);
    expect(await statuses('/things', 1, { token: 'token-read' })).toEqual([200]);
    address += 1;
    expect(await statuses('/things', 1)).toEqual([429]);
  });

  test('BF-5.2.a routes have limits of their own', async () => {
    expect(await statuses('/resolve', 5)).toEqual([200, 200, 200, 429, 429]);
    expect(await statuses('/things', 1)).toEqual([200]);
    expect(await statuses('/fleet', 4, { token: 'token-read' })).toEqual([200, 200, 429, 429]);
    expect(await statuses('/hold', 7, { token: 'token-admin' })).toEqual([
      ...Array<number>(6).fill(200),
      429,
    ]);
  });

  test('B-44 keys of one tenant share what is counted for the tenant', async () => {
    const seen = [];
    for (const token of ['token-admin', 'token-write', 'token-read', 'token-admin'])
      seen.push((await send('/resolve', { token })).statusCode);
    expect(seen).toEqual([200, 200, 200, 429]);
  });

  test('B-46 a user has a share of what the tenant has', async () => {
    expect(await statuses('/interact', 3, { token: 'token-admin' })).toEqual([200, 200, 429]);
    address += 1;
    await limits.reset({
      policy: 'browser.interact',
      subject: `tenant:${principalOf('token-admin').tenantId}`,
    });
    expect(await statuses('/interact', 3, { token: 'token-write' })).toEqual([200, 200, 429]);
    expect(await statuses('/interact', 1, { token: 'token-read' })).toEqual([429]);
  });

  test('files have their own, larger allowance', async () => {
    expect(await statuses('/page', 5, { token: '' })).toEqual([200, 200, 200, 200, 429]);
    expect(await statuses('/public', 1, { token: '' })).toEqual([200]);
  });

  test('logging in stays possible where strangers have used up their requests', async () => {
    await statuses('/public', 6, { token: '' });
    expect(await statuses('/public', 1, { token: '' })).toEqual([429]);
    expect(await statuses('/api/v1/auth/try', 4, { token: '' })).toEqual([200, 200, 200, 429]);
  });

  test('health is never counted', async () => {
    expect(new Set(await statuses('/health', 30, { token: '' }))).toEqual(new Set([200]));
    expect((await send('/public', { token: '' })).headers['x-ratelimit-remaining']).toBe('4');
  });

  test('a request that is refused does nothing', async () => {
    await statuses('/resolve', 3);
    const calls = handled;
    expect(await statuses('/resolve', 2)).toEqual([429, 429]);
    expect(handled).toBe(calls);
  });

  test('a limit that a verb counts by itself reports its numbers with the refusal', async () => {
    const seen = [];
    for (let index = 0; index < 3; index += 1) seen.push(await send('/counted'));
    expect(seen.map(({ statusCode }) => statusCode)).toEqual([200, 200, 429]);
    expect(seen[2]!.headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '0' });
    expect(seen[2]!.headers['ratelimit-policy']).toMatch(/^"platform".*, "tenant".*, "fleet";q=2;w=60$/);
  });

  test('RATE_LIMITS=off counts nothing and says nothing', async () => {
    await app.close();
    app = openApp(LIMITS_OFF);
    const answers = await Promise.all(Array.from({ length: 20 }, () => send('/things')));
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
    expect(Object.keys(answers[0]!.headers)).not.toContain('x-ratelimit-limit');
  });
});

let handled = 0;

function addRoutes(app: FastifyInstance): void {
  const response = { 200: ok(z.object({})) };
  const handler = async () => {
    handled += 1;
    return okBody({});
  };
  const base = { method: 'GET', summary: 'x', tags: ['x'], response, handler } as const;
  defineRoute(app, { ...base, auth: 'required', url: '/things', operationId: 'a' });
  const body = z.object({ a: z.string().optional() });
  defineRoute(app, {
    ...base,
    method: 'POST',
    auth: 'required',
    scope: 'write',
    url: '/things',
    operationId: 'b',
    body,
  });
  defineRoute(app, { ...base, auth: 'none', url: '/public', operationId: 'c' });
  defineRoute(app, { ...base, auth: 'none', url: '/api/v1/auth/try', operationId: 'j' });
  defineRoute(app, {
    ...base,
    auth: 'required',
    url: '/resolve',
    operationId: 'd',
    limit: 'browser.resolve',
  });
  defineRoute(app, {
    ...base,
    auth: 'required',
    url: '/interact',
    operationId: 'i',
    limit: 'browser.interact',
  });
  defineRoute(app, { ...base, auth: 'required', url: '/fleet', operationId: 'e', limit: 'fleet' });
  defineRoute(app, { ...base, auth: 'required', scope: 'hold', url: '/hold', operationId: 'f' });
  defineRoute(app, {
    ...base,
    auth: 'required',
    url: '/counted',
    operationId: 'g',
    handler: async (ctx) => {
      await ctx.limits.use({ policy: 'fleet', subject: 'key:counted', tenantId: ctx.principal.tenantId });
      return okBody({});
    },
  });
  defineRoute(app, {
    ...base,
    auth: 'required',
    url: '/stream',
    operationId: 'h',
    handler: async (_ctx, _input, reply) =>
      streamSse({ request: reply.request, reply, follow: () => follower as never }),
    ws: { prepare: async () => null, open: (socket) => socket.resume() },
  });
  app.get('/page', async () => 'page');
}
