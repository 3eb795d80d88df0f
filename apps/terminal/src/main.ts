import { createClient, HoldfastError } from '@holdfast/sdk';
import { createInterface, type Interface } from 'node:readline';
import { Chat } from './chat.ts';
import { uploadFolder } from './documents.ts';
import { readOptions, USAGE, UsageError, type Options } from './options.ts';
import { Screen } from './screen.ts';
import { openSession } from './setup.ts';

const { stdin, stdout, stderr } = process;
// A file or a pipe gets whole answers only: half of one that was given up could not be taken back.
const live = stdout.isTTY;

async function main(options: Options): Promise<boolean> {
  const notes = live ? stdout : stderr;
  const screen = new Screen({ out: stdout, notes, color: notes.isTTY && !process.env.NO_COLOR });
  const say = (line: string): void => screen.line('dim', line);
  const client = createClient({ baseUrl: options.url, apiKey: options.key, retry: { attempts: 3 } });
  const session = await openSession(client, options);
  if (options.docs !== null) await uploadFolder(client, session.project_id, options.docs, say);
  say(`${options.url}, session ${session.id}`);

  if (options.once !== null) {
    const chat = new Chat({ client, session, screen, live });
    chat.submit(options.once);
    chat.endInput();
    return listen(chat, null);
  }
  if (!stdin.isTTY || !live) {
    const chat = new Chat({ client, session, screen, live });
    const lines = createInterface({ input: stdin, terminal: false });
    lines.on('line', (line) => chat.submit(line));
    lines.on('close', () => chat.endInput());
    return listen(chat, lines);
  }
  say('Ask something. /cancel ends an answer, /quit leaves.');
  await converse((onIdle) => new Chat({ client, session, screen, live, onIdle }), screen);
  say(`To come back: npm run chat -- --session ${session.id}`);
  return true;
}

/** At a terminal: a prompt whenever nothing is under way. */
async function converse(createChat: (onIdle: () => void) => Chat, screen: Screen): Promise<void> {
  const lines = createInterface({ input: stdin, output: stdout, prompt: '> ' });
  const chat = createChat(() => {
    screen.freshLine();
    lines.prompt(true);
    screen.setMidLine(true);
  });
  lines.on('SIGINT', () => chat.interrupt(performance.now()));
  lines.on('line', (line) => {
    screen.setMidLine(false);
    chat.submit(line);
  });
  lines.on('close', () => chat.leave());
  await listen(chat, lines);
  screen.freshLine();
}

async function listen(chat: Chat, lines: Interface | null): Promise<boolean> {
  process.on('SIGINT', () => chat.interrupt(performance.now()));
  try {
    return await chat.run();
  } finally {
    lines?.close();
  }
}

function explain(error: unknown): string {
  if (error instanceof UsageError) return error.message;
  if (error instanceof HoldfastError) {
    if (error.code === 'UNREACHABLE') return `${error.message} Is it running? It is started by npm start.`;
    const hint = error.status === 401 ? ' Is this the right API key?' : '';
    return `The server refused: ${error.message} (${error.code})${hint}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  const options = readOptions(process.argv.slice(2), process.env, process.cwd());
  if (options === null) stdout.write(`${USAGE}\n`);
  else process.exitCode = (await main(options)) ? 0 : 1;
} catch (error) {
  process.exitCode = error instanceof UsageError ? 2 : 1;
  stderr.write(`${explain(error)}\n`);
}
