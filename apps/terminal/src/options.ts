import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `Talk to an agent of a Holdfast server and watch its answer as it is written.

  npm run chat -- [options]

  --url URL       server; HOLDFAST_URL, else the server started in this folder, else http://127.0.0.1:7300
  --key KEY       API key; HOLDFAST_API_KEY, else the key that the first start left in .holdfast/credentials
  --session ID    continue this session instead of beginning one
  --docs FOLDER   upload the text and Markdown files of a folder first
  --agent NAME    talk to this agent, made if there is none of that name (default: Guide)
  --once TEXT     ask this, print the answer, leave
  --help          this text

Without a terminal on the input, each line of it is a message, and the chat ends with the last answer.
Commands: /cancel ends the answer being written, /quit leaves. Ctrl-C does the first, twice the second.`;

const NO_KEY = `There is no API key for this server.

The first start of a server prints one and leaves it in DATA_DIR/credentials (.holdfast/credentials).
Give it as --key hf_... or in HOLDFAST_API_KEY. A lost key is replaced by logging in:
POST /api/v1/auth/login, then POST /api/v1/api-keys (see /api/docs of the server).`;

export interface Options {
  url: string;
  key: string;
  session: string | null;
  /** Absolute path. */
  docs: string | null;
  agent: string;
  once: string | null;
  /** Of the local server's credentials; null picks the oldest one. */
  projectId: string | null;
}

/** The command line cannot be followed; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_URL = 'http://127.0.0.1:7300';
const FLAGS = {
  url: { type: 'string' },
  key: { type: 'string' },
  session: { type: 'string' },
  docs: { type: 'string' },
  agent: { type: 'string', default: 'Guide' },
  once: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/**
 * Reads the command line, the environment and the credentials that a local server left.
 * @param cwd where `.holdfast` is looked for
 * @returns null when only help was asked for
 * @throws UsageError
 */
export function readOptions(argv: readonly string[], env: Environment, cwd: string): Options | null {
  const flags = parseFlags(argv);
  if (flags.help) return null;
  const local = readCredentials(join(resolve(cwd, env.DATA_DIR || '.holdfast'), 'credentials'));
  const url = checkUrl(flags.url ?? (env.HOLDFAST_URL || local?.url || DEFAULT_URL));
  const fits = local !== null && isSameServer(url, local.url);
  const key = flags.key ?? (env.HOLDFAST_API_KEY || (fits ? local.key : undefined));
  if (key === undefined) throw new UsageError(NO_KEY);
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new UsageError('The API key must be printable ASCII without spaces.');
  // npm runs scripts in the repository's root, whatever folder it was called from.
  const docs = flags.docs === undefined ? null : resolve(env.INIT_CWD || cwd, flags.docs);
  const projectId = fits && key === local.key ? local.projectId : null;
  return {
    url,
    key,
    session: flags.session ?? null,
    docs,
    agent: flags.agent,
    once: flags.once ?? null,
    projectId,
  };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: FLAGS, strict: true }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function checkUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError('--url must be an http or https URL.');
  return url.origin + url.pathname.replace(/\/+$/, '');
}

interface LocalCredentials {
  url: string;
  key: string;
  projectId: string | null;
}

function readCredentials(path: string): LocalCredentials | null {
  try {
    const { url, api_key, project_id } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    if (typeof url !== 'string' || typeof api_key !== 'string') return null;
    return { url, key: api_key, projectId: typeof project_id === 'string' ? project_id : null };
  } catch {
    return null;
  }
}

/** A local key is never shown to another machine; a local server may have moved to another port. */
function isSameServer(url: string, local: string): boolean {
  const [a, b] = [URL.parse(url), URL.parse(local)];
  if (a === null || b === null) return false;
  return a.origin === b.origin || (isLoopback(a.hostname) && isLoopback(b.hostname));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
