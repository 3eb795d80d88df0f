import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type LocalServer } from '@holdfast/local-server';
import { createClient, type Client } from '../index.ts';

let server: LocalServer;
let client: Client;

beforeAll(async () => {
  server = await startServer();
  client = createClient({ baseUrl: server.url, apiKey: server.apiKey, retry: { attempts: 1 } });
});
afterAll(() => server?.stop());

test('a secret is stored, shown without its value, given a new one, disabled and deleted', async () => {
  const value = 'a value that nobody sees again';
  const made = await client.secrets.create({ name: 'hook', kind: 'webhook_secret', value });
  expect(made).toMatchObject({ name: 'hook', latest_version: 1, last4: 'gain' });
  expect(await client.secrets.addVersion(made.id, { value: 'another' })).toMatchObject({ latest_version: 2 });
  const detail = await client.secrets.disableVersion(made.id, 1);
  expect(detail.versions.map(({ version, disabled_at }) => [version, disabled_at !== null])).toEqual([
    [2, false],
    [1, true],
  ]);
  expect(await client.secrets.get(made.id)).toEqual(detail);
  expect((await client.secrets.list()).items.map(({ id }) => id)).toEqual([made.id]);
  expect((await client.secrets.accesses(made.id)).items).toEqual([]);
  expect(await client.secrets.status()).toEqual({ unused: [], expiring: [], encryption: null });
  expect(JSON.stringify(detail)).not.toContain(value);
  await client.secrets.delete(made.id);
  await expect(client.secrets.get(made.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a name that is taken, and what only the operator may do, are refused', async () => {
  const input = { name: 'taken', kind: 'other', value: 'x' } as const;
  await client.secrets.create(input);
  await expect(client.secrets.create(input)).rejects.toMatchObject({
    code: 'RESOURCE_CONFLICT',
    status: 409,
  });
  await expect(client.secrets.rewrap()).rejects.toMatchObject({ code: 'FORBIDDEN' });
});
