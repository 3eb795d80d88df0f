import { startServer, type LocalServer } from '@holdfast/local-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient, paginate, type Client } from '../index.ts';

let server: LocalServer;
let client: Client;
beforeAll(async () => {
  server = await startServer({ env: {} });
  client = createClient({ baseUrl: server.url, apiKey: server.apiKey });
}, 60_000);
afterAll(() => server.stop());

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of stream) text += decoder.decode(bytes, { stream: true });
  return text;
}

test('the audit log: search, one entry, verification, key, export', async () => {
  const project = await client.projects.create({ name: 'Old' });
  await client.projects.update(project.id, { name: 'New' });
  const filter = { target_id: project.id };
  const actions: string[] = [];
  for await (const entry of paginate((cursor) => client.audit.list({ ...filter, limit: 1, cursor })))
    actions.push(entry.action);
  expect(actions).toEqual(['project.updated', 'project.created']);

  const [updated] = (await client.audit.list({ ...filter, action: 'project.updated' })).items;
  expect((await client.audit.get(updated!.id)).diff).toEqual([
    { path: '/name', before: 'Old', after: 'New' },
  ]);
  expect(await client.audit.verify()).toMatchObject({ valid: true, first_bad_seq: null });
  expect(await client.audit.publicKey()).toMatchObject({ algorithm: 'Ed25519', previous: [] });

  const csv = await textOf(await client.audit.export({ ...filter, format: 'csv' }));
  expect(csv.trim().split('\r\n')).toHaveLength(3);
  const part = await client.audit.export();
  await part.cancel();
  await expect(client.audit.list({ chain: 'system' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(client.audit.export({ chain: 'system' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(client.audit.get(project.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
