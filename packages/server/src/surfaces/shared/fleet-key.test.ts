import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openCredentialApp, type CredentialApp } from '../../../test/credential-app.ts';
import { openHarness, type Harness } from '../../../test/harness.ts';
import { listen } from '../../../test/http-app.ts';
import { ctxOf } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { createApiKey } from '../../core/identity/index.ts';

const KEY = randomUUID();
const ADMIN = randomUUID();

let h: Harness;
let t: CredentialApp;
let apiKey: string;
beforeAll(async () => {
  h = await openHarness();
  t = openCredentialApp(h, { clock: new ManualClock(), fleet: { keys: [KEY], adminKeys: [ADMIN] } });
  const ctx = ctxOf(h, t.credentials.identity, await h.createTenant());
  apiKey = (await createApiKey(ctx, { name: 'Key', scopes: ['read'] })).secret!;
}, 60_000);
beforeEach(() => void t.denials.splice(0));
afterAll(async () => {
  await t.app.close();
  await h.close();
});

const ask = (headers: Record<string, string>, method: 'GET' | 'POST' = 'GET', url = '/api/sessions') =>
  t.app.inject({ method, url, headers, ...(method === 'POST' ? { payload: {} } : {}) });
const told = async (headers: Record<string, string>, url?: string) => {
  const answer = await ask(headers, 'GET', url);
  return [answer.statusCode, answer.json().code, answer.json().message];
};
const attempts = () => t.lines().filter(({ msg }) => String(msg).startsWith('credential '));

it('AC-1.3.a takes a key of the list', async () => {
  expect((await ask({ 'x-api-key': KEY })).statusCode).toBe(200);
  expect((await ask({ 'x-api-key': KEY }, 'POST')).statusCode).toBe(200);
  const { actor } = (await ask({ 'x-api-key': KEY })).json().data;
  expect(actor).toMatch(/^key:fleet-/);
});

it('AC-1.3.b says "API key required" without a key', async () => {
  const required = [401, 'UNAUTHORIZED', 'API key required'];
  expect(await told({})).toEqual(required);
  expect(await told({ authorization: 'Bearer eyJ.a.b' })).toEqual([401, 'UNAUTHORIZED', 'API key required']);
  expect(await told({ 'x-session-secret': 'x' })).toEqual(required);
  expect(await told({}, '/metrics')).toEqual(required);
});

it.each([
  'invalid-key-123',
  randomUUID(),
  `hf_${'a'.repeat(43)}`,
  KEY.slice(0, -1),
  `${KEY}0`,
  KEY.toUpperCase(),
])('AC-1.3.c says "Invalid API key" to %s', async (key) =>
  expect(await told({ 'x-api-key': key })).toEqual([401, 'UNAUTHORIZED', 'Invalid API key']),
);

it.each(['', 'two words', 'a\tb', 'x'.repeat(129)])('F-06 says "Malformed API key" to %j', async (key) => {
  expect(await told({ 'x-api-key': key })).toEqual([401, 'UNAUTHORIZED', 'Malformed API key']);
});

it('F-06 takes a repeated header for malformed, also of the same key twice', async () => {
  const port = await listen(t.app);
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const lines = [
    'GET /api/sessions HTTP/1.1',
    'Host: a',
    'Connection: close',
    `X-API-Key: ${KEY}`,
    `x-api-key: ${KEY}`,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const answer = await text(socket);
  expect(answer).toMatch(/^HTTP\/1\.1 401/);
  expect(answer).toContain('"message":"Malformed API key"');
});

it('takes a key of the database too, in its own tenant and with its own scopes', async () => {
  expect((await ask({ 'x-api-key': apiKey })).json().data.actor).toMatch(/^key:[0-9a-f]{8}-/);
  expect((await ask({ authorization: `Bearer ${apiKey}` })).statusCode).toBe(200);
  expect((await ask({ 'x-api-key': apiKey }, 'POST')).statusCode).toBe(403);
});

it('is refused on every other surface, however it is shown', async () => {
  for (const url of ['/api/v1/projects', '/elsewhere', '/v1/echo', '/agent/thing']) {
    expect((await ask({ 'x-api-key': KEY }, 'GET', url)).statusCode).toBe(401);
    expect((await ask({ authorization: `Bearer ${KEY}` }, 'GET', url)).statusCode).toBe(401);
  }
});

it('F-17 opens the metrics to a fleet key', async () => {
  expect((await ask({ 'x-api-key': KEY }, 'GET', '/metrics')).statusCode).toBe(200);
  expect((await ask({ 'x-api-key': 'nope' }, 'GET', '/metrics')).json().message).toBe('Invalid API key');
});

describe('AC-1.3.e the log', () => {
  it('has time, address and masked key of each attempt, and no whole key', async () => {
    const wrong = randomUUID();
    const before = attempts().length;
    await ask({ 'x-api-key': KEY });
    await ask({ 'x-api-key': wrong });
    await ask({ 'x-api-key': 'short' });
    await ask({});
    const lines = attempts().slice(before);
    const mask = (key: string) => `${key.slice(0, 4)}…${key.slice(-4)}`;
    expect(lines.map(({ level, masked_key }) => [level, masked_key])).toEqual([
      ['debug', mask(KEY)],
      ['warn', mask(wrong)],
      ['warn', '****'],
      ['info', undefined],
    ]);
    for (const line of lines) {
      expect(line).toMatchObject({ time: expect.any(String), client_ip: '127.0.0.1', path: '/api/sessions' });
    }
    for (const key of [KEY, wrong, ADMIN]) expect(t.text()).not.toContain(key);
  });

  it('cannot be forged by what a key contains', async () => {
    const before = attempts().length;
    await ask({ 'x-api-key': 'abcd","level":"info","actor":"root' });
    expect(attempts().slice(before)).toMatchObject([{ level: 'warn', masked_key: 'abcd…root' }]);
  });
});

it('BF-5.3 reports refused keys and lacking scopes, but no missing key', async () => {
  await ask({ 'x-api-key': 'invalid-key-123' });
  await ask({ 'x-api-key': apiKey }, 'POST');
  await ask({});
  expect(t.denials).toEqual([
    expect.objectContaining({
      principal: null,
      method: 'GET',
      route: '/api/sessions',
      reason: 'Invalid API key',
      client: { ip: '127.0.0.1', userAgent: 'lightMyRequest' },
    }),
    expect.objectContaining({
      principal: expect.objectContaining({ kind: 'api_key' }),
      method: 'POST',
      reason: expect.stringContaining('"write"'),
    }),
  ]);
});
