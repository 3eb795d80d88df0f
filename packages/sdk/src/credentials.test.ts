import { createHash, createHmac } from 'node:crypto';
import { startServer, type LocalServer } from '@holdfast/local-server';
import { textToSign } from '@holdfast/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient, signedFetch, signRequest, type Client } from './index.ts';

const SECRET = 'q8Zr2mXv5Ty1Lw9Kd4Hs7Bn3Pf6Jc0Ga';
const signer = { secret: SECRET, userId: 'ann@example.com' };
const unauthorized = { name: 'HoldfastError', code: 'UNAUTHORIZED', status: 401 };

let server: LocalServer;
let client: Client;
beforeAll(async () => {
  server = await startServer({ env: { CHAT_HMAC_SECRET: SECRET, HMAC_REQUIRE_SIGNED_USER: 'true' } });
  client = createClient({ baseUrl: server.url, apiKey: server.apiKey });
}, 60_000);
afterAll(() => server.stop());

describe('API keys', () => {
  test('are rotated with a grace, renamed, and tell who they are', async () => {
    const key = await client.apiKeys.create({ name: 'Rotated', scopes: ['read'] });
    const withSecret = (apiKey: string) => createClient({ baseUrl: server.url, apiKey }).me.get();
    const next = await client.apiKeys.rotate(key.id, { grace_seconds: 60 });
    for (const secret of [key.secret!, next.secret!]) {
      expect(await withSecret(secret)).toMatchObject({
        kind: 'api_key',
        actor: `key:${key.id}`,
        scopes: ['read'],
      });
    }
    const last = await client.apiKeys.rotate(key.id);
    await expect(withSecret(key.secret!)).rejects.toMatchObject(unauthorized);
    await expect(withSecret(next.secret!)).rejects.toMatchObject(unauthorized);
    await withSecret(last.secret!);
    expect(await client.apiKeys.update(key.id, { name: 'New' })).toMatchObject({ name: 'New' });
    await client.apiKeys.revoke(key.id);
    await expect(client.apiKeys.rotate(key.id)).rejects.toMatchObject({ code: 'RESOURCE_CONFLICT' });
  });
});

describe('guests', () => {
  test('come, are somebody, and leave, also when an answer is lost', async () => {
    const anyone = createClient({ baseUrl: server.url });
    const start = () => anyone.guests.start({ project_id: server.projectId });
    await expect(start()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await client.projects.update(server.projectId, { guest_access: true });
    const { guest_id: id, secret, expires_at } = await start();
    const guest = createClient({ baseUrl: server.url, guest: { id, secret } });
    expect(await guest.me.get()).toMatchObject({ kind: 'guest', actor: `guest:${id}`, scopes: [] });
    expect(Date.parse(expires_at)).toBeGreaterThan(Date.now());
    await expect(guest.projects.list()).rejects.toMatchObject(unauthorized);

    let left = 1;
    const lossy: typeof fetch = async (...call) => {
      const response = await fetch(...call);
      left -= 1;
      if (left >= 0) throw new TypeError('the connection broke');
      return response;
    };
    const options = { baseUrl: server.url, guest: { id, secret }, fetch: lossy, retry: { baseMs: 1 } };
    await createClient(options).guests.end();
    await expect(guest.me.get()).rejects.toMatchObject(unauthorized);
    await client.projects.update(server.projectId, { guest_access: false });
  });
});

describe('signed requests', () => {
  test('speak for a user of the service, the same each time', async () => {
    const service = (userId: string) =>
      createClient({ baseUrl: server.url, fetch: signedFetch({ secret: SECRET, userId }) });
    const [ann, again, bob] = await Promise.all(['ann', 'ann', 'bob'].map((name) => service(name).me.get()));
    expect(ann).toMatchObject({ kind: 'service', scopes: ['read', 'write'] });
    expect(again).toEqual(ann);
    expect(bob!.user_id).not.toBe(ann!.user_id);
  });

  test('are refused with another secret', async () => {
    const fetch = signedFetch({ ...signer, secret: 'x'.repeat(32) });
    await expect(createClient({ baseUrl: server.url, fetch }).me.get()).rejects.toMatchObject(unauthorized);
  });

  test('cover user, nonce and what is asked for, and are never alike', async () => {
    const request = {
      method: 'post',
      target: '/v1/x?y=1',
      body: '{"é":1}',
      headers: { 'idempotency-key': 'k' },
    };
    const headers = await signRequest(signer, { ...request, now: 1_700_000_000_123 });
    expect(headers).toMatchObject({
      'x-user-id': signer.userId,
      'idempotency-key': 'k',
      'x-sheen-timestamp': '1700000000.123',
      'x-sheen-signed-headers': 'x-user-id,x-sheen-nonce,idempotency-key',
    });
    const text = textToSign({
      timestamp: '1700000000.123',
      method: 'POST',
      target: request.target,
      bodyHash: createHash('sha256').update(request.body).digest('hex'),
      headers: [
        ['x-user-id', signer.userId],
        ['x-sheen-nonce', headers['x-sheen-nonce']!],
        ['idempotency-key', 'k'],
      ],
    });
    expect(headers['x-sheen-signature']).toBe(createHmac('sha256', SECRET).update(text).digest('hex'));
    const other = await signRequest(signer, { ...request, now: 1_700_000_000_123 });
    expect(other['x-sheen-signature']).not.toBe(headers['x-sheen-signature']);
  });

  test('sign bytes as they sign text', async () => {
    const calls: RequestInit[] = [];
    const send = signedFetch(signer, async (_url, init) => {
      calls.push(init!);
      return new Response();
    });
    const bytes = new TextEncoder().encode('körper');
    await send('http://a.example/b?c=d', { method: 'PUT', body: bytes, headers: { 'Idempotency-Key': 'k' } });
    const sent = new Headers(calls[0]!.headers);
    expect(sent.get('x-sheen-signed-headers')).toBe('x-user-id,x-sheen-nonce,idempotency-key');
    const text = [
      sent.get('x-sheen-timestamp'),
      'PUT',
      '/b?c=d',
      createHash('sha256').update('körper').digest('hex'),
      `x-user-id:${signer.userId}`,
      `x-sheen-nonce:${sent.get('x-sheen-nonce')}`,
      'idempotency-key:k',
    ].join('\n');
    expect(sent.get('x-sheen-signature')).toBe(createHmac('sha256', SECRET).update(text).digest('hex'));
  });

  test('refuse what cannot be signed', async () => {
    const send = signedFetch(signer, async () => new Response());
    await expect(send(new Request('http://a.example'))).rejects.toThrow('cannot be signed');
    const form = { method: 'POST', body: new URLSearchParams('a=1') };
    await expect(send('http://a.example', form)).rejects.toThrow('Only text and bytes');
  });
});
