import { startServer, type LocalServer } from '@holdfast/local-server';
import type { Message } from '@holdfast/protocol';
import { createClient, type Client } from '@holdfast/sdk';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Chat } from './chat.ts';
import { uploadFolder } from './documents.ts';
import { Screen } from './screen.ts';
import { openSession } from './setup.ts';

const CHAT = join(import.meta.dirname, 'main.ts');
const LONG = { timeout: 30_000, interval: 20 };
const QUESTION = 'How is the lighthouse lamp kept burning?';

let folder: string;
let port: number | undefined;
let server: LocalServer;
let client: Client;
let key: string;
const children: ChildProcess[] = [];

/** Long enough for a kill in the middle of quoting it. */
function writeDocument(): Promise<void> {
  const lines = Array.from(
    { length: 14 },
    (_, n) => `The lighthouse lamp is kept burning by keeper ${n + 1}, who trims the wick at hour ${n + 1}.`,
  );
  return writeFile(join(folder, 'docs.md'), `# Lighthouse\n\n${lines.join('\n\n')}\n`);
}

async function start(): Promise<void> {
  const env = { OFFLINE_TOKEN_DELAY_MS: '20' };
  server = await startServer({ folder: join(folder, 'data'), port, env });
  port = server.port;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-chat-'));
  await start();
  key = server.apiKey;
  client = createClient({ baseUrl: server.url, apiKey: key });
  await writeDocument();
  const { project_id } = await openSession(client, { session: null, agent: 'Guide', projectId: null });
  await uploadFolder(client, project_id, folder, () => undefined);
}, 60_000);

afterAll(async () => {
  const left = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const gone = left.map((child) => once(child, 'exit'));
  for (const child of left) child.kill('SIGKILL');
  await Promise.all(gone);
  await server.kill();
  await rm(folder, { recursive: true, force: true });
});

const newSession = () => openSession(client, { session: null, agent: 'Guide', projectId: null });

async function readMessages(sessionId: string): Promise<Message[]> {
  return (await client.messages.list(sessionId, { limit: 100 })).items;
}

/** A chat as at a terminal, its output kept. */
async function openChat(through = client) {
  const session = await newSession();
  const seen = { text: '' };
  const out = { write: (text: string) => (seen.text += text) };
  const screen = new Screen({ out, notes: out, color: false });
  const chat = new Chat({ client: through, session, screen, live: true });
  return { chat, session, seen, done: chat.run() };
}

function startPiped(input: string, ...args: string[]) {
  const env = { PATH: process.env.PATH, HOLDFAST_URL: server.url, HOLDFAST_API_KEY: key };
  const child = spawn(process.execPath, [CHAT, ...args], { env });
  children.push(child);
  const seen = { out: '', notes: '' };
  child.stdout.on('data', (chunk: Buffer) => (seen.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (seen.notes += chunk.toString()));
  child.stdin.end(input);
  return { seen, ended: once(child, 'close').then(([code]) => code as number | null) };
}

const count = (text: string, part: string): number => text.split(part).length - 1;

test('a server killed in mid-answer: one complete answer, at the terminal and in the pipe', async () => {
  const terminal = await openChat();
  const pipedSession = await newSession();
  const piped = startPiped(`${QUESTION}\n`, '--session', pipedSession.id);
  terminal.chat.submit(QUESTION);
  await vi.waitFor(() => {
    expect(terminal.seen.text).toContain('kept burning by keeper');
    expect(piped.seen.notes).toContain('search_documents');
  }, LONG);

  await server.kill();
  await vi.waitFor(() => expect(terminal.seen.text).toContain('connection lost'), LONG);
  terminal.chat.submit('What is 6*7?');
  await start();
  terminal.chat.endInput();

  expect(await terminal.done).toBe(true);
  const messages = await readMessages(terminal.session.id);
  expect(messages.map(({ role }) => role).toSorted()).toEqual(['assistant', 'assistant', 'user', 'user']);
  const answers = messages.filter(({ role }) => role === 'assistant').map(({ content }) => content);
  for (const answer of answers) expect(count(terminal.seen.text, answer)).toBe(1);
  expect(answers[1]).toContain('6*7 = 42');
  expect(count(terminal.seen.text, 'connection lost')).toBe(1);
  expect(count(terminal.seen.text, 'connected again')).toBe(1);
  expect(count(terminal.seen.text, 'the unfinished answer above is dropped')).toBe(1);
  // The half that was given up and the whole.
  expect(count(terminal.seen.text, 'This is what the documents say')).toBe(2);

  expect(await piped.ended).toBe(0);
  const [asked, answered, ...rest] = await readMessages(pipedSession.id);
  expect(rest).toEqual([]);
  expect(asked).toMatchObject({ role: 'user', content: QUESTION });
  expect(piped.seen.out).toBe(`${answered!.content}\n`);
  expect(count(piped.seen.notes, 'connected again')).toBe(1);
}, 60_000);

test('a reply that is lost on the way: the line is sent again and posted once', async () => {
  let cut = 0;
  const proxy = createServer((client) => {
    const upstream = connect(server.port, '127.0.0.1');
    let posting = false;
    client.on('data', (chunk) => {
      posting ||= chunk.toString('latin1').includes('/messages');
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (posting && cut++ === 0) client.destroy();
      else client.write(chunk);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('close', () => other.destroy());
      one.on('error', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port: proxyPort } = proxy.address() as AddressInfo;
  const { chat, session, seen, done } = await openChat(
    createClient({ baseUrl: `http://127.0.0.1:${proxyPort}`, apiKey: key }),
  );
  chat.submit('What is 2+3?');
  chat.endInput();
  expect(await done).toBe(true);
  proxy.close();
  expect(cut).toBeGreaterThan(1);
  expect((await readMessages(session.id)).map(({ role }) => role)).toEqual(['user', 'assistant']);
  expect(count(seen.text, '2+3 = 5')).toBe(1);
});

test('/cancel ends the answer being written, and a cancelled answer is no success', async () => {
  const { chat, session, seen, done } = await openChat();
  chat.submit(QUESTION);
  await vi.waitFor(() => expect(seen.text).toContain('kept burning by keeper'), LONG);
  chat.submit('/cancel');
  await vi.waitFor(() => expect(seen.text).toContain('cancelled: cancelled in the terminal'), LONG);
  chat.submit('/cancel');
  await vi.waitFor(() => expect(seen.text).toContain('there is nothing to cancel'));
  chat.endInput();
  expect(await done).toBe(false);
  expect(seen.text).toContain('the unfinished answer above is dropped');
  expect((await readMessages(session.id)).map(({ role }) => role)).toEqual(['user']);
});

test('one interrupt cancels, a second within two seconds leaves', async () => {
  const { chat, seen, done } = await openChat();
  chat.submit(QUESTION);
  await vi.waitFor(() => expect(seen.text).toContain('kept burning by keeper'), LONG);
  chat.interrupt(1000);
  await vi.waitFor(() => expect(seen.text).toContain('cancelled:'), LONG);
  chat.interrupt(3001);
  chat.submit('What is 1+1?');
  await vi.waitFor(() => expect(seen.text).toContain('1+1 = 2'), LONG);
  chat.interrupt(5000);
  await done;
});

test('leaving before a line has reached the server says so, and does not hang', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port: silentPort } = silent.address() as AddressInfo;
  const session = await newSession();
  const seen = { text: '' };
  const out = { write: (text: string) => (seen.text += text) };
  const screen = new Screen({ out, notes: out, color: false });
  const nowhere = createClient({ baseUrl: `http://127.0.0.1:${silentPort}`, apiKey: key });
  const chat = new Chat({ client: nowhere, session, screen, live: true });
  const done = chat.run();
  chat.submit('Is anybody there?');
  chat.submit('/quit');
  expect(await done).toBe(false);
  silent.close();
  expect(seen.text).toBe('not sent (the server was away): Is anybody there?\n');
}, 10_000);

test('a session continued at the terminal shows what was said, in a pipe only what is new', async () => {
  const session = await newSession();
  const first = startPiped('What is 10-3?\n', '--session', session.id);
  expect(await first.ended).toBe(0);
  const second = startPiped('', '--session', session.id, '--once', 'What is 5*5?');
  expect(await second.ended).toBe(0);
  expect(second.seen.out).toContain('5*5 = 25');
  expect(second.seen.out).not.toContain('10-3 = 7');

  const seen = { text: '' };
  const out = { write: (text: string) => (seen.text += text) };
  const data = await client.sessions.get(session.id);
  const screen = new Screen({ out, notes: out, color: false });
  const chat = new Chat({ client, session: data, screen, live: true });
  const done = chat.run();
  await vi.waitFor(() => expect(seen.text).toContain('5*5 = 25'), LONG);
  chat.endInput();
  await done;
  expect(seen.text).toContain('user: What is 10-3?\n10-3 = 7\n');
  expect(seen.text).not.toContain('calculate');
});

test('what cannot work is said plainly, with an exit code', async () => {
  const unknown = startPiped('hello\n', '--session', '01890000-0000-7000-8000-000000000000');
  expect(await unknown.ended).toBe(1);
  expect(unknown.seen.notes).toContain('Session not found');
  const wrongKey = startPiped('hello\n', '--key', 'hf_wrong');
  expect(await wrongKey.ended).toBe(1);
  expect(wrongKey.seen.notes).toContain('Is this the right API key?');
  const nobody = startPiped('hello\n', '--url', 'http://127.0.0.1:1');
  expect(await nobody.ended).toBe(1);
  expect(nobody.seen.notes).toContain('No server answers at http://127.0.0.1:1. Is it running?');
  const badFlag = startPiped('hello\n', '--colour');
  expect(await badFlag.ended).toBe(2);
  expect(badFlag.seen.notes).toContain('--once TEXT');
});
