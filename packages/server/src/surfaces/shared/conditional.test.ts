import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestHttp } from '../../../test/http-app.ts';
import { requireMatch } from '../../core/precondition.ts';
import { ifMatchHeaders } from './etag.ts';
import { defineRoute } from './route.ts';
import { ok, okBody } from './schema.ts';

interface Thing {
  name: string;
  version: number;
  seen: number;
}

const thingSchema = z.object({ name: z.string(), version: z.int(), seen: z.int() });
const body = z.strictObject({ name: z.string() });
const auth = { authorization: 'Bearer token-write' };
const base = { tags: ['x'], auth: 'required', summary: 'x' } as const;

let app: FastifyInstance;
let thing: Thing;
let tag: { name: string };

beforeEach(() => {
  app = createTestHttp().app;
  thing = { name: 'one', version: 3, seen: 0 };
  tag = { name: 'red' };
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/thing',
    operationId: 'get',
    cache: { maxAge: 120, staleWhileRevalidate: 60 },
    response: { 200: ok(thingSchema) },
    handler: async () => okBody(thing),
  });
  defineRoute(app, {
    ...base,
    method: 'PATCH',
    url: '/thing',
    operationId: 'patch',
    headers: ifMatchHeaders,
    body,
    response: { 200: ok(thingSchema) },
    handler: async (ctx, { body: { name } }) => {
      requireMatch(ctx, thing);
      thing = { ...thing, name, version: thing.version + 1 };
      return okBody(thing);
    },
  });
  defineRoute(app, {
    ...base,
    method: 'PUT',
    url: '/tag',
    operationId: 'putTag',
    headers: ifMatchHeaders,
    body,
    response: { 200: ok(body) },
    handler: async (ctx, { body: change }) => {
      requireMatch(ctx, tag);
      tag = change;
      return okBody(tag);
    },
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/thing/poke',
    operationId: 'poke',
    response: { 200: ok(thingSchema) },
    handler: async () => okBody(thing),
  });
  defineRoute(app, {
    ...base,
    auth: 'none',
    method: 'GET',
    url: '/open',
    operationId: 'open',
    cache: { maxAge: 3600 },
    response: { 200: ok(z.object({})) },
    handler: async () => okBody({}),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/plain',
    operationId: 'plain',
    response: { 200: ok(z.object({})) },
    handler: async () => okBody({}),
  });
});
afterEach(() => app.close());

const get = (url: string, headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { ...auth, ...headers } });
const patch = (name: string, headers: Record<string, string> = {}, url = '/thing') =>
  app.inject({
    method: url === '/tag' ? 'PUT' : 'PATCH',
    url,
    headers: { ...auth, ...headers },
    payload: { name },
  });

describe('If-None-Match', () => {
  it('BF-2.2.d gives 304 without a body for the ETag of before, and 200 after a change', async () => {
    const first = await get('/thing');
    const etag = String(first.headers.etag);
    expect(etag).toMatch(/^"3\.[\w-]{22}"$/);
    const same = await get('/thing', { 'if-none-match': etag });
    expect([same.statusCode, same.body, same.headers.etag]).toEqual([304, '', etag]);
    expect(same.headers['content-type']).toBeUndefined();
    expect(same.headers['cache-control']).toBe(first.headers['cache-control']);
    thing.seen += 1;
    const changed = await get('/thing', { 'if-none-match': etag });
    expect([changed.statusCode, changed.json().data.seen]).toEqual([200, 1]);
  });

  it('compares weakly, takes lists and *, and ignores what is no ETag', async () => {
    const etag = String((await get('/thing')).headers.etag);
    for (const value of [`W/${etag}`, `"a", ${etag}`, `"a",W/${etag} , "b"`, '*'])
      expect([value, (await get('/thing', { 'if-none-match': value })).statusCode]).toEqual([value, 304]);
    for (const value of ['"other"', 'nonsense', '', etag.slice(1, -1), '"3"'])
      expect([value, (await get('/thing', { 'if-none-match': value })).statusCode]).toEqual([value, 200]);
  });

  it('also answers HEAD', async () => {
    const etag = String((await get('/thing')).headers.etag);
    const head = await app.inject({
      method: 'HEAD',
      url: '/thing',
      headers: { ...auth, 'if-none-match': etag },
    });
    expect(head.statusCode).toBe(304);
  });
});

describe('If-Match', () => {
  it('lets a change through to what the caller knows, and says the new ETag', async () => {
    const etag = String((await get('/thing')).headers.etag);
    const done = await patch('two', { 'if-match': etag });
    expect([done.statusCode, done.json().data]).toEqual([200, { name: 'two', version: 4, seen: 0 }]);
    expect(done.headers.etag).toBe((await get('/thing')).headers.etag);
  });

  it('refuses a stale one with 412 and the current ETag, and changes nothing', async () => {
    const etag = String((await get('/thing')).headers.etag);
    await patch('two');
    const refused = await patch('three', { 'if-match': etag });
    expect([refused.statusCode, refused.json().code]).toEqual([412, 'PRECONDITION_FAILED']);
    const now = await get('/thing');
    expect(refused.headers.etag).toBe(now.headers.etag);
    expect(now.json().data.name).toBe('two');
    expect((await patch('three', { 'if-match': String(refused.headers.etag) })).statusCode).toBe(200);
  });

  it('looks at the version of what has one: a counter that moves does not spoil it', async () => {
    const etag = String((await get('/thing')).headers.etag);
    thing.seen += 1;
    expect((await patch('two', { 'if-match': etag })).statusCode).toBe(200);
    expect((await patch('three', { 'if-match': '"4"' })).statusCode).toBe(200);
    expect((await patch('four', { 'if-match': '"4"' })).statusCode).toBe(412);
  });

  it('looks at all of what has none', async () => {
    const first = String((await patch('blue', {}, '/tag')).headers.etag);
    expect(first).toMatch(/^"[\w-]{22}"$/);
    expect((await patch('green', { 'if-match': first }, '/tag')).statusCode).toBe(200);
    const refused = await patch('grey', { 'if-match': first }, '/tag');
    expect([refused.statusCode, tag.name]).toEqual([412, 'green']);
  });

  it('compares strongly, and takes lists and *', async () => {
    const etag = String((await get('/thing')).headers.etag);
    expect((await patch('two', { 'if-match': `W/${etag}` })).statusCode).toBe(412);
    expect((await patch('two', { 'if-match': `"x", ${etag}` })).statusCode).toBe(200);
    expect((await patch('three', { 'if-match': '*' })).statusCode).toBe(200);
  });

  it.each(['nonsense', '', '"open', '"a" "b"', '*, "a"'])('refuses %j with 400', async (value) => {
    const answer = await patch('two', { 'if-match': value });
    expect([answer.statusCode, answer.json().details?.field]).toEqual([400, 'if-match']);
    expect(thing.name).toBe('one');
  });

  it('is refused by calls that would ignore it', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/thing/poke',
      headers: { ...auth, 'if-match': '"3"' },
    });
    expect([answer.statusCode, answer.json().details?.field]).toEqual([400, 'if-match']);
  });
});

describe('Cache-Control', () => {
  it('BF-2.2.d is what the route declares: private for callers, public for everybody', async () => {
    const mine = await get('/thing');
    expect(mine.headers['cache-control']).toBe('private, max-age=120, stale-while-revalidate=60');
    expect(mine.headers.vary).toBe('authorization, x-api-key, cookie');
    const open = await app.inject('/open');
    expect(open.headers['cache-control']).toBe('public, max-age=3600');
    expect(open.headers.vary).toBeUndefined();
  });

  it('is no-store otherwise, and for every refusal', async () => {
    expect((await get('/plain')).headers['cache-control']).toBe('no-store');
    expect((await patch('two')).headers['cache-control']).toBe('no-store');
    expect((await app.inject('/thing')).headers['cache-control']).toBe('no-store');
  });
});
