import { metadataSchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestHttp } from '../../../test/http-app.ts';
import { defineRoute } from './route.ts';
import { ok, okBody } from './schema.ts';

const note = z.strictObject({ name: z.string().optional(), metadata: metadataSchema.optional() });

/** What a polluted prototype would show everywhere. */
const polluted = () => ({}) as Record<string, unknown>;

describe('prototype pollution in JSON bodies', () => {
  let app: FastifyInstance;
  beforeAll(async () => {
    ({ app } = createTestHttp());
    defineRoute(app, {
      method: 'POST',
      url: '/notes',
      operationId: 'createNote',
      summary: 'Takes a note',
      tags: ['test'],
      auth: 'none',
      body: note,
      response: { 200: ok(z.object({ keys: z.array(z.string()), isAdmin: z.boolean() })) },
      handler: async (_ctx, { body }) => {
        // As careless code would merge it.
        const merged: Record<string, unknown> = Object.assign({}, body.metadata);
        return okBody({ keys: Object.keys(merged), isAdmin: merged['isAdmin'] === true });
      },
    });
    await app.ready();
  });
  afterAll(() => app.close());

  const post = (payload: string) =>
    app.inject({ method: 'POST', url: '/notes', headers: { 'content-type': 'application/json' }, payload });

  it.each([
    '{"__proto__":{"isAdmin":true}}',
    '{"__proto__":null}',
    '{"\\u005f\\u005fproto\\u005f\\u005f":{"isAdmin":true}}',
    '{"metadata":{"__proto__":{"isAdmin":true}}}',
    '{"metadata":{"a":{"b":[{"__proto__":{"isAdmin":true}}]}}}',
    '{"metadata":{"__pr\\u006fto__":{"isAdmin":true}}}',
    '{"constructor":{"prototype":{"isAdmin":true}}}',
    '{"metadata":{"constructor":{"prototype":{"isAdmin":true}}}}',
    '{"metadata":{"\\u0063onstructor":{"prototype":{"isAdmin":true}}}}',
    '[{"__proto__":{"isAdmin":true}}]',
    '{"name":"x","name":{"__proto__":{"isAdmin":true}}}',
  ])('refuses %s', async (payload) => {
    const answer = await post(payload);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ success: false });
    expect(polluted()['isAdmin']).toBeUndefined();
  });

  it.each([
    ['{"metadata":{"constructor":"a word"}}', ['constructor']],
    ['{"metadata":{"prototype":{"isAdmin":true}}}', ['prototype']],
    [
      '{"metadata":{"toString":"x","hasOwnProperty":1,"valueOf":null}}',
      ['toString', 'hasOwnProperty', 'valueOf'],
    ],
    ['{"metadata":{"__defineGetter__":{"isAdmin":true}}}', ['__defineGetter__']],
    ['{"metadata":{"text":"__proto__ is a word too"}}', ['text']],
  ])('takes %s as plain data', async (payload, keys) => {
    const answer = await post(payload);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ success: true, data: { keys, isAdmin: false } });
    expect(polluted()['isAdmin']).toBeUndefined();
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(Object.prototype.toString.call({})).toBe('[object Object]');
  });

  it.each(['constructor', 'prototype', 'toString', 'hasOwnProperty'])(
    'refuses an unknown field named %s',
    async (field) => {
      const answer = await post(`{"${field}":"x"}`);
      expect(answer.statusCode).toBe(400);
      expect(answer.json()).toMatchObject({ code: 'VALIDATION_ERROR', errors: [{ field }] });
    },
  );
});
