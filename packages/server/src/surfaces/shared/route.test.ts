import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestHttp } from '../../../test/http-app.ts';
import { defineRoute } from './route.ts';
import { idParam, ok, okBody, page, pageBody, pageQuery, RawJson, rawJson } from './schema.ts';

const ID = '0195a7f0-0000-7000-8000-000000000002';

const thing = z.object({
  id: z.uuid(),
  owner: z.string(),
  note: z.string().nullable(),
  created_at: z.iso.datetime(),
  metadata: rawJson(z.record(z.string(), z.unknown())),
});

let app: FastifyInstance;

beforeAll(() => {
  app = createTestHttp().app;
  defineRoute(app, {
    method: 'POST',
    url: '/projects/:project_id/things',
    operationId: 'createThing',
    summary: 'x',
    tags: ['x'],
    auth: 'required',
    scope: 'write',
    params: z.object({ project_id: idParam('Project') }),
    query: z.strictObject({ dry_run: z.enum(['true', 'false']).optional() }),
    headers: z.object({ 'idempotency-key': z.string().max(8).optional() }),
    body: z.strictObject({ name: z.string().min(1), size: z.int(), tags: z.array(z.string()).optional() }),
    response: { 201: ok(thing), 200: ok(thing) },
    handler: async (ctx, { params, body }, reply) => {
      if (body.name === 'replay') {
        reply.code(200);
        return new RawJson('{"success":true,"data":"stored"}');
      }
      const data = {
        id: params.project_id,
        owner: ctx.principal.actor,
        note: body.name === 'null' ? null : body.name,
        created_at: '2030-01-01T00:00:00.000Z',
        metadata: new RawJson('{"b": 1,"a":"raw:0 \\u0000"}'),
        secret_column: 'must not leave',
      };
      reply.code(201);
      return okBody(body.name === 'bad' ? { ...data, id: 'no uuid' } : data);
    },
  });
  defineRoute(app, {
    method: 'GET',
    url: '/things',
    operationId: 'listThings',
    summary: 'x',
    tags: ['x'],
    auth: 'required',
    query: z.strictObject(pageQuery),
    response: { 200: page(rawJson(z.object({ n: z.int() }))) },
    handler: async (_ctx, { query }) =>
      pageBody([new RawJson('{"n":1}'), new RawJson('{"n":2}')], query.limit, query.cursor ?? null),
  });
  defineRoute(app, {
    method: 'DELETE',
    url: '/things/:id',
    operationId: 'deleteThing',
    summary: 'x',
    tags: ['x'],
    auth: 'required',
    params: z.object({ id: idParam('Thing') }),
    response: { 204: null },
    handler: async () => undefined,
  });
});
afterAll(() => app.close());

const authorization = 'Bearer token-write';
const create = (payload: unknown, options: { id?: string; query?: string; headers?: object } = {}) =>
  app.inject({
    method: 'POST',
    url: `/projects/${options.id ?? ID}/things${options.query ?? ''}`,
    headers: { authorization, ...options.headers },
    payload: payload as object,
  });
const fieldsOf = (answer: { json(): { errors: { field: string }[] } }) =>
  answer.json().errors.map((e) => e.field);

describe('credentials', () => {
  const list = (headers: Record<string, string>) => app.inject({ url: '/things', headers });
  it.each([
    ['bearer', { authorization: 'Bearer token-read' }],
    ['bearer in another case', { authorization: 'bearer token-read' }],
    ['api key', { 'x-api-key': 'token-read' }],
    ['both, equal', { authorization: 'Bearer token-read', 'x-api-key': 'token-read' }],
  ])('takes %s', async (_name, headers) => expect((await list(headers)).statusCode).toBe(200));
  it.each([
    ['none', {}],
    ['unknown', { 'x-api-key': 'nope' }],
    ['empty key', { 'x-api-key': '' }],
    ['two different', { authorization: 'Bearer token-read', 'x-api-key': 'token-write' }],
    ['another scheme', { authorization: 'Basic dG9rZW46' }],
    ['bare token', { authorization: 'token-read' }],
  ])('refuses %s', async (_name, headers) => {
    const answer = await list(headers as Record<string, string>);
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'UNAUTHORIZED']);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });
  it('refuses a missing scope with 403 before it reads the body', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: `/projects/${ID}/things`,
      headers: { 'x-api-key': 'token-read', 'content-type': 'application/json' },
      payload: '{broken',
    });
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'FORBIDDEN']);
  });
});

describe('input', () => {
  it('reports every failing field of every section at once', async () => {
    const answer = await create(
      { size: 1e300, tags: ['a', 2], extra: 1 },
      { query: '?dry_run=maybe&what=1', headers: { 'idempotency-key': 'x'.repeat(9) } },
    );
    expect(answer.statusCode).toBe(400);
    expect(fieldsOf(answer).sort()).toEqual(
      ['dry_run', 'what', 'idempotency-key', 'name', 'size', 'tags.1', 'extra'].sort(),
    );
  });
  it.each([[null], ['"text"'], [[]]])('refuses a body of %j', async (body) => {
    const answer = await create(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });
    expect([answer.statusCode, fieldsOf(answer)]).toEqual([400, ['body']]);
  });
  it('names the fields of an absent body', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: `/projects/${ID}/things`,
      headers: { authorization },
    });
    expect(fieldsOf(answer)).toEqual(['name', 'size']);
  });
  it.each(['7', 'x%00y', `${ID}0`, '%E2%82%AC'])('answers 404 for the path id %s', async (id) => {
    const answer = await create({ name: 1 }, { id });
    expect([answer.statusCode, answer.json().code, answer.json().message]).toEqual([
      404,
      'NOT_FOUND',
      'Project not found.',
    ]);
  });
  it('takes a path id in upper case as the same id', async () => {
    expect((await create({ name: 'a', size: 1 }, { id: ID.toUpperCase() })).json().data.id).toBe(ID);
  });
  it.each(['limit=0', 'limit=101', 'limit=1e1', 'limit=-1', 'limit=', 'limit=1&limit=2', 'limit=0x5'])(
    'refuses ?%s',
    async (query) => {
      const answer = await app.inject({ url: `/things?${query}`, headers: { authorization } });
      expect([answer.statusCode, fieldsOf(answer)]).toEqual([400, ['limit']]);
    },
  );
  it('refuses NUL in a query value', async () => {
    const answer = await app.inject({ url: '/things?cursor=a%00b', headers: { authorization } });
    expect([answer.statusCode, fieldsOf(answer)]).toEqual([400, ['cursor']]);
  });
  it('refuses a body where none is taken', async () => {
    const send = (payload: object | undefined) =>
      app.inject({ method: 'DELETE', url: `/things/${ID}`, headers: { authorization }, payload });
    expect((await send({ force: true })).json()).toMatchObject({ code: 'VALIDATION_ERROR' });
    expect((await send({})).statusCode).toBe(204);
    expect((await send(undefined)).statusCode).toBe(204);
  });
});

describe('replies', () => {
  it('sends declared fields only, raw JSON byte by byte', async () => {
    const answer = await create({ name: 'a', size: 1 });
    expect(answer.statusCode).toBe(201);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.body).toContain('"metadata":{"b": 1,"a":"raw:0 \\u0000"}');
    expect(answer.json().data).toEqual({
      id: ID,
      owner: 'key:token-write',
      note: 'a',
      created_at: '2030-01-01T00:00:00.000Z',
      metadata: { b: 1, a: 'raw:0 \0' },
    });
  });
  it('keeps null', async () => expect((await create({ name: 'null', size: 1 })).json().data.note).toBeNull());
  it('sends a whole stored body', async () => {
    const answer = await create({ name: 'replay', size: 1 });
    expect([answer.statusCode, answer.body]).toEqual([200, '{"success":true,"data":"stored"}']);
  });
  it('turns a reply that breaks its schema into 500', async () => {
    expect((await create({ name: 'bad', size: 1 })).statusCode).toBe(500);
  });
  it('pages', async () => {
    const answer = await app.inject({ url: '/things?cursor=next', headers: { authorization } });
    expect(answer.json()).toEqual({
      success: true,
      data: [{ n: 1 }, { n: 2 }],
      pagination: { limit: 20, next_cursor: 'next' },
    });
  });
  it('answers HEAD without a body', async () => {
    const answer = await app.inject({ method: 'HEAD', url: '/things', headers: { authorization } });
    expect([answer.statusCode, answer.body]).toEqual([200, '']);
  });
});
