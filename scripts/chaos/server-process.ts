import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export interface ServerProcessOptions {
  port: number;
  env: Record<string, string>;
}

const MAIN = 'packages/server/src/main.ts';
const READY = /Holdfast is ready at/;
const START_TIMEOUT_MS = 60_000;
const KEPT_OUTPUT = 200_000;

/** One address at which servers are started and killed, one after the other. */
export class ServerProcess {
  readonly url: string;
  /** Milliseconds from spawning to readiness, of every start that was let finish. */
  readonly startTimes: number[] = [];
  /** The last output of all of them. */
  output = '';
  readonly #options: ServerProcessOptions;
  #child: ChildProcess | null = null;
  #expected = false;
  /** Ends that nobody asked for. */
  readonly crashes: string[] = [];

  constructor(options: ServerProcessOptions) {
    this.#options = options;
    this.url = `http://127.0.0.1:${options.port}`;
    process.once('exit', () => this.#child?.kill('SIGKILL'));
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts a server; `ready` resolves once it answers. */
  launch(): { ready: Promise<void> } {
    if (this.#child !== null) throw new Error('The server is running already.');
    const began = performance.now();
    const child = spawn(process.execPath, [MAIN], {
      env: {
        ...process.env,
        DASHBOARD: 'false',
        ...this.#options.env,
        HOST: '127.0.0.1',
        PORT: String(this.#options.port),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#expected = false;
    let own = '';
    const keep = (chunk: Buffer): void => {
      own = (own + chunk.toString()).slice(-KEPT_OUTPUT);
      this.output = (this.output + chunk.toString()).slice(-KEPT_OUTPUT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const ready = new Promise<void>((resolve, reject) => {
      const fail = (reason: string): void => reject(new Error(`The server ${reason}: ${own.slice(-3000)}`));
      const timer = setTimeout(() => fail('was not ready in time'), START_TIMEOUT_MS);
      const read = (): void => {
        if (!READY.test(own)) return;
        clearTimeout(timer);
        if (this.#child === child) this.startTimes.push(performance.now() - began);
        child.stdout.off('data', read);
        resolve();
      };
      child.stdout.on('data', read);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        if (this.#child === child && !this.#expected)
          this.crashes.push(`ended with ${code ?? signal}: ${own.slice(-2000)}`);
        if (this.#child === child) this.#child = null;
        fail(`ended with ${code ?? signal}`);
      });
    });
    ready.catch(() => {});
    return { ready };
  }

  start(): Promise<void> {
    return this.launch().ready;
  }

  /** Ends it by its pid and waits until it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#expected = true;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    this.#child = null;
  }
}

/** The key and the project that the first start prints. */
export function readCredentials(output: string): { apiKey: string; projectId: string } | null {
  const apiKey = /\bhf_[\w-]{43}/.exec(output)?.[0];
  const projectId = /project\s+([0-9a-f-]{36})/.exec(output)?.[1];
  return apiKey === undefined || projectId === undefined ? null : { apiKey, projectId };
}
