import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer, type LocalServer } from '@holdfast/local-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMailSink, type MailSink } from '../../../test/mail-sink.ts';
import { openDb } from '../../infra/db/index.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };
const LOGIN = { email: 'owner@holdfast.local', password: 'a password of this test' };

let folder: string;
let sink: MailSink;
const servers: LocalServer[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-mail-'));
  sink = await openMailSink();
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.kill()));
  await sink.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<LocalServer> {
  const server = await startServer({
    folder,
    env: {
      SMTP_URL: sink.url,
      MAIL_FROM: 'Holdfast <no-reply@holdfast.test>',
      ADMIN_EMAIL: LOGIN.email,
      ADMIN_PASSWORD: LOGIN.password,
    },
  });
  servers.push(server);
  return server;
}

async function call<T>(server: LocalServer, path: string, body: unknown, token?: string): Promise<T> {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { data: T };
  expect({ status: response.status, answer }).toMatchObject({ answer: { success: true } });
  return answer.data;
}

test('a server killed while it sends: the next one sends the same mail, with the same Message-ID', async () => {
  const first = await start();
  const { accessToken, tenantId } = await call<{ accessToken: string; tenantId: string }>(
    first,
    '/auth/login',
    LOGIN,
  );
  sink.mood = { hangs: true };
  await call(
    first,
    `/teams/${tenantId}/invitations`,
    { email: 'bob@example.com', role: 'member' },
    accessToken,
  );
  await expect.poll(() => sink.mails.length, PATIENCE).toBe(1);
  await first.kill();
  sink.mood = {};
  await passAMinute();
  await start();
  await expect.poll(() => sink.mails.length, PATIENCE).toBe(2);
  const [before, after] = sink.mails;
  expect(after!.messageId).toBe(before!.messageId);
  expect(after!.text).toBe(before!.text);
  expect(after!.text).toMatch(/\/invitation#token=hf_invite_[\w-]{43}/);
}, 60_000);

/** For the mail alone, in the database that the killed server left. */
async function passAMinute(): Promise<void> {
  const db = await openDb({ dataDir: folder });
  const open = db.kysely.selectFrom('emails').select(['status', 'attempts', 'next_attempt_at']);
  const [mail] = await open.execute();
  expect(mail).toMatchObject({ status: 'sending', attempts: 1 });
  const earlier = new Date(mail!.next_attempt_at.getTime() - 61_000);
  await db.kysely.updateTable('emails').set({ next_attempt_at: earlier }).execute();
  await db.close();
}
