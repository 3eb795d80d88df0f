import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../server/src/main.ts');
const START_TIMEOUT_MS = 30_000;

export interface LocalServerOptions {
  /** Keeps everything; when left out, a temporary one that `stop` removes. */
  folder?: string;
  /** When left out, one that is free. */
  port?: number;
  /** Settings of the server, as in `.env.example`. Nothing else of the environment reaches it. */
  env?: Record<string, string>;
}

export interface LocalServer {
  url: string;
  port: number;
  folder: string;
  /** The key and the project that the first start on the folder made. */
  apiKey: string;
  projectId: string;
  /** Lets it finish what it is doing; a temporary folder is removed, so then nothing need be finished. */
  stop(): Promise<void>;
  /** `kill -9`: no warning, no last words. The folder stays. */
  kill(): Promise<void>;
}

/**
 * Starts the server of this repository as a process of its own, for examples and tests, and waits
 * until it is ready. Its embedded database needs no other service.
 */
export async function startServer(options: LocalServerOptions = {}): Promise<LocalServer> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'holdfast-')));
  await mkdir(folder, { recursive: true });
  const port = options.port ?? (await findFreePort());
  const place = { DATA_DIR: folder, HOST: '127.0.0.1', PORT: String(port) };
  const env = { LOG_LEVEL: 'silent', DASHBOARD: 'false', ...options.env, ...place };
  const child = spawn(process.execPath, [MAIN], { cwd: folder, env });
  const killNow = (): void => void child.kill('SIGKILL');
  process.once('exit', killNow);
  child.once('exit', () => process.off('exit', killNow));
  const kill = (): Promise<void> => end(child, 'SIGKILL');
  const stop = async (): Promise<void> => {
    const isTemporary = options.folder === undefined;
    await end(child, isTemporary ? 'SIGKILL' : 'SIGTERM');
    if (isTemporary) await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitUntilReady(child);
    const url = `http://127.0.0.1:${port}`;
    return { url, port, folder, ...(await readCredentials(url, folder)), stop, kill };
  } catch (error) {
    await kill();
    await stop();
    throw error;
  }
}

/**
 * A port that was free a moment ago. It lies below those that outgoing connections are given, so that
 * none of them takes it while a server is away.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

/** Kept by the server in its folder before it answers the first request. */
async function readCredentials(url: string, folder: string) {
  if (!(await fetch(`${url}/health`)).ok) throw new Error('The server is not healthy.');
  const kept = JSON.parse(await readFile(join(folder, 'credentials'), 'utf8')) as Record<string, string>;
  return { apiKey: kept.api_key!, projectId: kept.project_id! };
}

async function waitUntilReady(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let printed = '';
  const fail = (why: string): void => reject(new Error(`The server ${why}:\n${printed}`));
  const timer = setTimeout(() => fail('was not ready in time'), START_TIMEOUT_MS);
  const read = (chunk: Buffer): void => {
    printed += chunk.toString();
    if (printed.includes(' is ready at ')) resolve();
  };
  child.stdout?.on('data', read);
  child.stderr?.on('data', read);
  child.once('exit', () => fail('ended'));
  child.once('error', (error) => fail(error.message));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}
