import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type LocalServer } from '@holdfast/local-server';
import { createClient, HoldfastError } from '../index.ts';

let server: LocalServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

const clientOf = (apiKey: string) => createClient({ baseUrl: server.url, apiKey, retry: { attempts: 1 } });

test('limits are listed, set, seen, reset and removed; a refusal says when to come again', async () => {
  const admin = clientOf(server.apiKey);
  const { id, secret } = await admin.apiKeys.create({ name: 'Limited', scopes: ['read'] });
  const limited = clientOf(secret!);
  const who = { subject: `key:${id}` };
  const { policies, is_operator } = await admin.rateLimits.list();
  expect(is_operator).toBe(false);
  expect(policies.find(({ policy }) => policy === 'anonymous')?.tier_allowance).toEqual({ minute: 30 });

  const override = await admin.rateLimits.set('platform', { ...who, minute: 1, reason: 'a test' });
  await limited.projects.list();
  const refusal: unknown = await limited.projects.list().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(HoldfastError);
  expect(refusal).toMatchObject({
    code: 'RATE_LIMIT',
    status: 429,
    details: { policy: 'platform', limit: 1 },
  });
  expect((refusal as HoldfastError).retryAfter).toBeGreaterThan(0);
  expect((refusal as HoldfastError).retryAfter).toBeLessThanOrEqual(60);

  expect(await admin.rateLimits.usage('platform', who)).toMatchObject({ limit: 1, remaining: 0 });
  expect(await admin.rateLimits.reset('platform', who)).toMatchObject({ remaining: 1 });
  await limited.projects.list();
  expect(await admin.rateLimits.remove(override.id)).toEqual(override);
  await limited.projects.list();
  await expect(admin.rateLimits.unblock('platform', who)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
