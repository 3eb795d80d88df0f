import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../../packages/server/src/main.ts');
const READY = /Holdfast is ready at (http:\/\/[^\s]+)/;
const START_TIMEOUT_MS = 60_000;

export interface OwnAnswer {
  status: number;
  text: string;
  /** undefined when the body is not JSON. */
  json: unknown;
}

/** This repository's server as a process of the suite's own: for what cannot be seen from a running one. */
export interface OwnServer {
  /** All it has written so far. */
  output(): string;
  call(method: string, path: string, body?: unknown, token?: string): Promise<OwnAnswer>;
  /** Lets it finish; everything is in its folder then. */
  stop(): Promise<void>;
}

function launch(folder: string, env: Record<string, string>): { child: ChildProcess; output: () => string } {
  const place = { DATA_DIR: folder, HOST: '127.0.0.1', PORT: '0', DASHBOARD: 'false' };
  const path = process.env['PATH'] ?? '';
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: { PATH: path, ...place, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => void (text += chunk.toString()));
  }
  return { child, output: () => text };
}

/** @throws with what it said, when it ends instead */
export async function startOwnServer(folder: string, env: Record<string, string>): Promise<OwnServer> {
  const { child, output } = launch(folder, env);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(
    () => reject(new Error(`it was not ready in time: ${output()}`)),
    START_TIMEOUT_MS,
  );
  child.stdout!.on('data', () => {
    const url = READY.exec(output())?.[1];
    if (url !== undefined) resolve(url);
  });
  child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${output()}`)));
  const url = await promise.finally(() => clearTimeout(timer));
  return {
    output,
    call: (method, path, body, token) => call(url + path, method, body, token),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Starts one that should refuse to; resolves with its exit code and words. */
export async function startRefused(
  folder: string,
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const { child, output } = launch(folder, env);
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  child.stdout!.on('data', () => READY.test(output()) && child.kill('SIGKILL'));
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, output: output() };
}

async function call(url: string, method: string, body: unknown, token?: string): Promise<OwnAnswer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  try {
    return { status: response.status, text, json: JSON.parse(text) as unknown };
  } catch {
    return { status: response.status, text, json: undefined };
  }
}
