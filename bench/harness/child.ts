import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Question } from '../process/serve.ts';

export interface ChildOptions {
  args?: string[];
  env?: NodeJS.ProcessEnv;
  execArgv?: string[];
  /** What it prints once it is ready; without it, its first message counts. */
  ready?: RegExp;
}

export interface Usage {
  /** Microseconds of CPU since its start. */
  cpu: number;
  /** Bytes. */
  rss: number;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** A process of the benchmark's own that answers questions, and ends with us. */
export class Child {
  readonly process: ChildProcess;
  output = '';
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #kill = (): void => void this.process.kill('SIGKILL');
  #next = 1;

  private constructor(file: string, { args = [], env, execArgv }: ChildOptions) {
    this.process = fork(file, args, { env, execArgv, silent: true, serialization: 'advanced' });
    this.process.on('message', (message) => this.#receive(message as Answer));
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (text: Buffer) => (this.output = (this.output + text.toString()).slice(-20_000)));
    }
    process.once('exit', this.#kill);
    this.process.once('exit', () => this.#ended());
  }

  static async start(file: string, options: ChildOptions = {}): Promise<Child> {
    const child = new Child(file, options);
    await child.#isReady(file, options.ready);
    return child;
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Runs one of its handlers; rejects with its error, or when it ends. */
  ask<T>(command: string, input?: unknown): Promise<T> {
    const id = this.#next++;
    const waiter = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiter);
    this.process.send({ id, command, input } satisfies Question);
    return waiter.promise as Promise<T>;
  }

  /** @param collect whether to collect garbage first */
  usage(collect = false): Promise<Usage> {
    return this.ask('usage', collect);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    const timer = setTimeout(this.#kill, STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }

  async #isReady(file: string, ready: RegExp | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (why: string): void => reject(new Error(`${file} ${why}: ${this.output.slice(-2000)}`));
    const timer = setTimeout(() => fail('was not ready in time'), START_TIMEOUT_MS);
    const look = (): void => void (ready?.test(this.output) && resolve());
    this.process.once('exit', (code) => fail(`ended with ${code ?? 'a signal'}`));
    if (ready === undefined) this.process.once('message', () => resolve());
    else this.process.stdout?.on('data', look);
    await promise.finally(() => clearTimeout(timer));
  }

  #receive(answer: Answer): void {
    if (!('id' in answer)) return;
    const waiter = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiter?.reject(new Error(answer.error));
    else waiter?.resolve(answer.result);
  }

  #ended(): void {
    process.off('exit', this.#kill);
    for (const waiter of this.#waiting.values()) {
      waiter.reject(new Error(`The process has ended: ${this.output.slice(-2000)}`));
    }
    this.#waiting.clear();
  }
}
