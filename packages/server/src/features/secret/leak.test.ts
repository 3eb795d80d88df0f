import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { startWatched, type WatchedServer } from '../../../test/leak-fixture.ts';

interface Schema {
  $ref?: string;
  type?: string;
  properties?: Record<string, Schema>;
}
interface Operation {
  operationId: string;
  security?: unknown[];
  parameters?: { name: string; in: string; example?: unknown }[];
  requestBody?: { content: Record<string, { schema: Schema; example?: unknown }> };
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** Names of fields whose values nobody but the server may know. */
const SENSITIVE = /^(value|secret|code|backup_code)$|password|token$/i;
const canaryOf = (): string => `Canary7-${randomBytes(15).toString('base64url')}`;

describe.each(ENGINES)('no secret leaks from a server on %s', (engine) => {
  let server: WatchedServer;
  let provider: Server;
  /** Every secret sent, with where it went. */
  const sent = new Map<string, string>();
  const canary = (where: string): string => {
    const value = canaryOf();
    sent.set(value, where);
    return value;
  };
  const ownerPassword = canary('ADMIN_PASSWORD');
  /** What is no secret has to be found by the same search, or the search would be worth nothing. */
  const open = { name: canaryOf(), requestId: canaryOf() };
  /** Tokens in paths: an error repeats the path to whoever sent it, and to nobody else. */
  const inPath = new Set<string>();

  beforeAll(async () => {
    // A provider that quotes the key it was shown.
    provider = createServer((request, response) => {
      const text = JSON.stringify({ error: { message: `bad key: ${request.headers.authorization}` } });
      response.writeHead(401, { 'content-type': 'application/json', 'x-echo': text }).end(text);
    });
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
    const { port } = provider.address() as AddressInfo;
    server = await startWatched(engine, {
      ADMIN_PASSWORD: ownerPassword,
      JWT_SECRET: canary('JWT_SECRET').repeat(2),
      COMPATIBLE_BASE_URL: `http://127.0.0.1:${port}/v1`,
      COMPATIBLE_API_KEY: canary('COMPATIBLE_API_KEY'),
      REGISTRATION: 'open',
      RATE_LIMITS: '{"*":{"minute":1000000}}',
    });
  }, 120_000);
  afterAll(async () => {
    await server?.close();
    provider.close();
  }, 60_000);

  const auth = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await server.send('POST', `/api/v1${path}`, {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return (await response.json()) as { data: Record<string, string> };
  };

  /** The fields of a route's JSON body that take a secret, with an example of the whole body. */
  function bodyOf(document: Document, operation: Operation): { fields: string[]; example: object } | null {
    const content = operation.requestBody?.content['application/json'];
    if (content === undefined) return null;
    const name = content.schema.$ref?.split('/').at(-1);
    const { properties = {} } = name === undefined ? content.schema : document.components.schemas[name]!;
    const fields = Object.keys(properties).filter((field) => SENSITIVE.test(field));
    return fields.length === 0 ? null : { fields, example: (content.example ?? {}) as object };
  }

  async function attack(method: string, path: string, headers: Record<string, string>, body: string) {
    const init =
      method === 'GET' ? { headers } : { headers: { 'content-type': 'application/json', ...headers }, body };
    await server.send(method, path, init);
  }

  /** What a careless or a hostile client makes of a body that holds a secret. */
  function variantsOf(example: object, field: string, value: string): string[] {
    const good = JSON.stringify({ ...example, [field]: value });
    return [
      good,
      good.slice(0, -1),
      JSON.stringify({ ...example, [field]: [value] }),
      JSON.stringify({ ...example, [field]: { [field]: value } }),
      JSON.stringify({ ...example, [field]: value, unknown: value }),
      JSON.stringify({ [field]: value }),
      JSON.stringify(value),
      good.replace(value, `${value}\\u0000`),
      good.replace(value, value.repeat(1000)),
    ];
  }

  test('BF-5.4.a secrets go through every route that takes one', async () => {
    const response = await server.send('GET', '/api/openapi.json');
    const document = (await response.json()) as Document;
    const login = await post('/auth/login', { email: 'owner@holdfast.local', password: ownerPassword });
    const user = login.data['accessToken']!;
    const routes: string[] = [];
    for (const [template, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (template.includes('{token}')) {
          const token = `hf_invite_${randomBytes(32).toString('base64url')}`;
          sent.set(token, `${operation.operationId} path`);
          inPath.add(token);
          await attack(method.toUpperCase(), template.replace('{token}', token), {}, '{}');
        }
        const body = bodyOf(document, operation);
        if (body === null || ['logout', 'refreshLogin'].includes(operation.operationId)) continue;
        const path = template.replaceAll(/\{\w+\}/g, () => crypto.randomUUID());
        for (const field of body.fields) {
          routes.push(`${operation.operationId} ${field}`);
          for (const headers of [
            {},
            auth(server.apiKey),
            auth(user),
            { ...auth(user), 'idempotency-key': crypto.randomUUID() },
          ]) {
            const value = canary(`${operation.operationId} ${field}`);
            const example = {
              ...body.example,
              ...(field === 'value' ? { name: `n-${crypto.randomUUID()}` } : {}),
            };
            for (const text of variantsOf(example, field, value)) {
              await attack(method.toUpperCase(), path, headers, text);
            }
          }
        }
      }
    }
    expect(routes).toEqual(
      expect.arrayContaining([
        'login password',
        'createSecret value',
        'addSecretVersion value',
        'registerUser password',
      ]),
    );
    expect(routes.length).toBeGreaterThan(8);
    expect(inPath.size).toBeGreaterThan(0);
  }, 300_000);

  test('secrets are stored, used, refused by a provider, rotated, and passwords set and changed', async () => {
    const value = canary('model key that a provider quotes');
    const admin = auth(server.apiKey);
    const stored = await post('/secrets', { name: 'compatible', kind: 'model_key', value }, admin);
    const rotated = canary('second version of it');
    await post(
      `/secrets/${stored.data['id']}/versions`,
      { value: rotated },
      { ...admin, 'idempotency-key': 'k1' },
    );
    await post(
      `/secrets/${stored.data['id']}/versions`,
      { value: rotated },
      { ...admin, 'idempotency-key': 'k1' },
    );
    const projects = await server.send('GET', '/api/v1/projects', { headers: admin });
    const { data } = (await projects.json()) as { data: { id: string }[] };
    const agent = await post('/agents', { project_id: data[0]!.id, name: 'A', model: 'compatible/m' }, admin);
    const session = await post('/sessions', { project_id: data[0]!.id, agent_id: agent.data['id'] }, admin);
    await post(`/sessions/${session.data['id']}/messages`, { content: 'Hi' }, admin);
    await vi.waitFor(
      async () => {
        const runs = await server.send('GET', `/api/v1/sessions/${session.data['id']}/runs`, {
          headers: admin,
        });
        expect(await runs.json()).toMatchObject({ data: [{ status: 'failed' }] });
      },
      { timeout: 20_000, interval: 100 },
    );
    for (const path of ['/events?after=0', '/messages', '/runs']) {
      await server.send('GET', `/api/v1/sessions/${session.data['id']}${path}`, { headers: admin });
    }
    await post('/projects', { name: open.name }, { ...admin, 'x-request-id': open.requestId });
    const password = canary('password of a new user');
    const email = `${crypto.randomUUID()}@example.com`;
    await post('/auth/register', { name: 'Ann', email, password });
    const login = await post('/auth/login', { email, password });
    expect(login.data['accessToken']).toEqual(expect.any(String));
    await post('/auth/login', { email, password: canary('a wrong password') });
    for (const path of [
      '/admin/audit-logs?limit=100',
      '/admin/emails?limit=100',
      '/secrets',
      `/secrets/${stored.data['id']}`,
      `/secrets/${stored.data['id']}/accesses`,
    ]) {
      expect((await server.send('GET', `/api/v1${path}`, { headers: admin })).status).toBe(200);
    }
    expect((await server.send('GET', '/metrics', { headers: admin })).status).toBe(200);
  }, 60_000);

  test('BF-5.4.a none of them is in any answer, log line, metric or row of the database', async () => {
    const rows = await server.stopAndDump();
    const tables = new Set(rows.map(({ table }) => table));
    for (const table of [
      'secret_versions',
      'audit_entries',
      'idempotency_keys',
      'events',
      'emails',
      'secret_accesses',
    ]) {
      expect([...tables]).toContain(`public.${table}`);
    }
    const output = server.output();
    expect(output.split('\n').length).toBeGreaterThan(100);
    expect(sent.size).toBeGreaterThan(40);
    const find = (value: string): { sink: string; text: string }[] => {
      const found: { sink: string; text: string }[] = [];
      for (const form of formsOf(value)) {
        if (output.includes(form)) found.push({ sink: 'log', text: around(output, form) });
        for (const { call, text } of server.answers)
          if (text.includes(form)) found.push({ sink: `answer of ${call}`, text: around(text, form) });
        for (const { table, row } of rows)
          if (row.includes(form)) found.push({ sink: table, text: around(row, form) });
      }
      return found;
    };
    const sinks = find(open.name).map(({ sink }) => sink);
    for (const sink of ['public.projects', 'public.audit_entries', 'answer of POST /api/v1/projects']) {
      expect(sinks).toContain(sink);
    }
    expect(find(open.requestId).map(({ sink }) => sink)).toContain('log');
    const leaks = [...sent].flatMap(([value, where]) =>
      find(value)
        .filter(({ sink }) => !(inPath.has(value) && sink.startsWith('answer')))
        .map(({ sink, text }) => `${where} in ${sink}: ${text}`),
    );
    expect(leaks.slice(0, 20)).toEqual([]);
  }, 120_000);
});

/** As it is, as bytes of the database are shown, and as base64 wherever it begins. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const shifted = [0, 1, 2].map((at) => bytes.subarray(at, at + 18).toString('base64'));
  return [value, bytes.toString('hex'), ...shifted, encodeURIComponent(value)];
}

const around = (text: string, form: string): string =>
  text.slice(Math.max(0, text.indexOf(form) - 80), text.indexOf(form) + 60);
