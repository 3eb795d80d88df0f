import { ERROR_CODES } from '@holdfast/protocol';
import { describe, expect, it } from 'vitest';
import { makeProject, makeSession, readLog, sessionPath, V1 } from './support/api.ts';
import { errorOf, fieldsOf } from './support/expect.ts';
import { get, post, send, type Answer } from './support/http.ts';
import { target } from './support/target.ts';

const PROJECTS = `${V1}/projects`;
const sendRaw = (raw: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
  send({ method: 'POST', path: PROJECTS, raw, headers: { 'content-type': 'application/json', ...headers } });

describe('refusals', () => {
  it('404 for an unknown route, with path and without query', async () => {
    const answer = await get('/api/v1/nothing/here?secret=x');
    expect(errorOf(answer, 404, 'NOT_FOUND').path).toBe('/api/v1/nothing/here');
    expect(answer.text).not.toContain('secret');
    errorOf(await get('/', { token: null, headers: { accept: 'application/json' } }), 404, 'NOT_FOUND');
  });

  it.each([
    ['DELETE', PROJECTS],
    ['PUT', `${V1}/auth/login`],
    ['POST', '/health'],
    ['PATCH', sessionPath(crypto.randomUUID(), '/messages')],
  ])('405 and Allow for %s %s', async (method, path) => {
    const answer = await send({ method, path });
    const { details } = errorOf(answer, 405, 'METHOD_NOT_ALLOWED');
    expect(details).toEqual({ allowed_methods: answer.headers.allow?.split(', ') });
    expect(answer.headers.allow).not.toContain(method);
  });

  it('413 for a body over the limit, announced or not', async () => {
    const big = JSON.stringify({ name: 'x', metadata: { text: 'x'.repeat(2 * 1024 * 1024) } });
    errorOf(await sendRaw(big), 413, 'PAYLOAD_TOO_LARGE');
    const chunked = { 'transfer-encoding': 'chunked' };
    errorOf(await sendRaw(big, chunked), 413, 'PAYLOAD_TOO_LARGE');
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'nonsense', ''])(
    '415 for the content type "%s"',
    async (type) => {
      errorOf(await sendRaw('{"name":"x"}', { 'content-type': type }), 415, 'UNSUPPORTED_MEDIA_TYPE');
    },
  );

  it.each([
    ['broken JSON', '{"name":'],
    ['a trailing comma', '{"name":"x",}'],
    ['two values', '{"name":"x"}{"name":"y"}'],
    ['no JSON', 'name=x'],
    ['NaN', '{"name":NaN}'],
    ['a prototype key', '{"name":"x","__proto__":{"admin":true}}'],
    ['a deep prototype key', '{"name":"x","metadata":{"a":{"__proto__":{"admin":true}}}}'],
    ['a constructor key', '{"name":"x","metadata":{"constructor":{"prototype":{"admin":true}}}}'],
    ['deep nesting', `{"name":"x","metadata":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}`],
    ['nesting to no end', '['.repeat(100_000)],
  ])('400 INVALID_REQUEST for %s', async (_name, raw) => {
    errorOf(await sendRaw(raw), 400, 'INVALID_REQUEST');
  });

  it('400 for bytes that are no UTF-8', async () => {
    errorOf(await sendRaw(Buffer.from([0x22, 0xc3, 0x28, 0x22])), 400, 'INVALID_REQUEST');
  });

  it.each([
    ['NUL in a value', '{"name":"a\\u0000b"}', ['name']],
    ['a lone surrogate', '{"name":"a\\ud800b"}', ['name']],
    ['NUL in a nested value', '{"name":"x","metadata":{"a":["\\u0000"]}}', ['metadata.a.0']],
    ['a wrong type', '{"name":5}', ['name']],
    ['null', '{"name":null}', ['name']],
    ['an unknown field', '{"name":"x","admin":true}', ['admin']],
    ['too long', JSON.stringify({ name: 'x'.repeat(201) }), ['name']],
    ['only spaces', '{"name":"   "}', ['name']],
    ['too much metadata', JSON.stringify({ name: 'x', metadata: { a: 'x'.repeat(17_000) } }), ['metadata']],
    ['metadata that is a list', '{"name":"x","metadata":[]}', ['metadata']],
    ['two wrong fields', '{"name":1,"metadata":2}', ['metadata', 'name']],
  ])('400 and the fields for %s', async (_name, raw, fields) => {
    expect(fieldsOf(await sendRaw(raw))).toEqual(fields);
  });

  it.each(['null', '[]', '"text"', '5', 'true', ''])('400 for the body %s', async (raw) => {
    errorOf(await sendRaw(raw), 400, 'VALIDATION_ERROR');
  });

  it.each(['NUL in a key', 'a lone surrogate in a key'])(
    '400 for %s, and an answer that can be read',
    async (name) => {
      const key = name.startsWith('NUL') ? '\\u0000' : '\\udfff';
      errorOf(await sendRaw(`{"name":"x","metadata":{"${key}":1}}`), 400, 'VALIDATION_ERROR');
    },
  );

  it.each([
    '?limit=0',
    '?limit=101',
    '?limit=-1',
    '?limit=1.5',
    '?limit=1e1',
    '?limit=',
    '?limit=99999999999999999999',
    '?limit=1&limit=2',
    '?cursor=nonsense',
    '?unknown=1',
    '?limit[$gt]=1',
    '?cursor=%00',
    '?__proto__=1',
  ])('400 for the query %s', async (query) => {
    errorOf(await get(PROJECTS + query), 400, 'VALIDATION_ERROR');
  });

  it.each([
    crypto.randomUUID(),
    'nonsense',
    '%00',
    '%27%20or%201=1--',
    '..%2f..%2fprojects',
    'x'.repeat(300),
    '0',
    '-1',
    '%F0%9F%92%A9',
    '00000000-0000-0000-0000-000000000000',
  ])('404 for the id %s', async (id) => {
    errorOf(await get(sessionPath(id)), 404, 'NOT_FOUND');
    errorOf(await get(sessionPath(id, '/events')), 404, 'NOT_FOUND');
    errorOf(await post(sessionPath(id, '/messages'), { content: 'x' }), 404, 'NOT_FOUND');
  });

  it('a malformed percent sequence is a clear 4xx', async () => {
    const { status } = await get(sessionPath('%E0%A4%A'));
    expect([400, 404]).toContain(status);
  });

  it('writes nothing of a refused request', async () => {
    const session = await makeSession(await makeProject());
    const messages = sessionPath(session.id, '/messages');
    const refused = await Promise.all([
      post(messages, { content: '' }),
      post(messages, { content: 'a\0b' }),
      post(messages, { content: 'x', extra: 1 }),
      post(messages, { content: 'x', client_msg_id: 'has space' }),
      post(messages, { content: 'x' }, { headers: { 'idempotency-key': 'x'.repeat(201) } }),
      post(sessionPath(session.id, '/runs'), { agent_id: crypto.randomUUID() }),
      post(sessionPath(session.id, '/events'), { epoch: 1, events: [{ type: 'note.made' }] }),
    ]);
    for (const answer of refused) expect(errorOf(answer).statusCode).toBeLessThan(500);
    expect((await readLog(session)).map(({ type }) => type)).toEqual(['session.created']);
  });
});

describe('every answer', () => {
  it('echoes a safe X-Request-Id, replaces any other', async () => {
    const echoed = await get(PROJECTS, { headers: { 'x-request-id': 'abc-1.2_3' } });
    expect(echoed.headers['x-request-id']).toBe('abc-1.2_3');
    for (const id of ['has space', 'x'.repeat(129), '<script>', '']) {
      const answer = await get('/health', { headers: { 'x-request-id': id } });
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
    const [one, two] = await Promise.all([get('/health'), get('/health')]);
    expect(one.headers['x-request-id']).not.toBe(two.headers['x-request-id']);
    const refused = await get('/nothing', { headers: { 'x-request-id': 'mine' } });
    expect(errorOf(refused, 404).request_id).toBe('mine');
  });

  it.each(['/health', PROJECTS, '/nothing', '/api/openapi.json', '/api/docs'])(
    'carries the security headers: %s',
    async (path) => {
      const { headers } = await get(path);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
      });
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['x-powered-by']).toBeUndefined();
      expect(headers['server']).toBeUndefined();
    },
  );
});

describe('ops', () => {
  it('is healthy, to anybody', async () => {
    const answer = await get('/health', { token: null });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ status: 'ok' });
  });

  it('has metrics, with a credential', async () => {
    errorOf(await get('/metrics', { token: null }), 401, 'UNAUTHORIZED');
    const { status, headers, text } = await get('/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(text).toMatch(/^# TYPE \w+ (counter|gauge|histogram)$/m);
    expect(text).toMatch(/route="\/api\/v1\/projects/);
  });
});

interface Document {
  openapi: string;
  paths: Record<string, Record<string, unknown>>;
  components: { schemas: Record<string, { properties: { code: { enum: string[] } } }> };
}

describe('OpenAPI', () => {
  it('is published as 3.1 with every error code of the registry', async () => {
    const answer = await get('/api/openapi.json', { token: null });
    expect(answer.status).toBe(200);
    const document = answer.json as Document;
    expect(document.openapi).toMatch(/^3\.1\./);
    const { code } = document.components.schemas['Error']!.properties;
    expect([...code.enum].sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });

  it('documents only routes that exist', async () => {
    const { paths } = (await get('/api/openapi.json')).json as Document;
    expect(Object.keys(paths).length).toBeGreaterThan(20);
    for (const [path, methods] of Object.entries(paths)) {
      const filled = path.replaceAll(/\{step_index\}/g, '0').replaceAll(/\{\w+\}/g, crypto.randomUUID());
      const { headers } = await send({ method: 'OPTIONS', path: filled });
      const allowed = (headers.allow ?? '').toLowerCase().split(', ');
      expect({ path, allowed }).toMatchObject({ allowed: expect.arrayContaining(Object.keys(methods)) });
    }
  });

  it('has an explorer that asks nothing of any other host', async () => {
    const page = await get('/api/docs', { token: null, headers: { accept: 'text/html' } });
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.headers['content-security-policy']).not.toMatch(/https?:|\*/);
    const links = [...page.text.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1] ?? '');
    expect(links.length).toBeGreaterThan(1);
    for (const link of links) {
      const url = new URL(link, `${target.url}/api/docs`);
      expect(url.origin).toBe(new URL(target.url).origin);
      expect((await get(url.pathname, { token: null })).status).toBe(200);
    }
  });
});
