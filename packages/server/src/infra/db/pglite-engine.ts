import { Worker } from 'node:worker_threads';
import type { WorkerReply, WorkerRequest } from './pglite-worker.ts';

/** PGlite in its own thread, answering raw PostgreSQL wire messages one unit at a time. */
export class PgliteEngine {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (bytes: Uint8Array) => void; reject: (error: Error) => void }
  >();
  #nextId = 1;
  #dead: Error | null = null;
  #closed = Promise.withResolvers<void>();
  /** Whoever is inside a transaction keeps the engine until it ends. */
  #owner: object | null = null;
  readonly #queue: (() => void)[] = [];

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** @param dataDir folder of the database, or null for one in memory. */
  static async open(dataDir: string | null): Promise<PgliteEngine> {
    const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), {
      workerData: { dataDir },
      stderr: true,
    });
    // A failed start prints a whole minified bundle; the message alone is useful.
    worker.stderr.resume();
    const engine = new PgliteEngine(worker);
    const ready = Promise.withResolvers<void>();
    worker.on('message', (reply: WorkerReply) => {
      if (reply.kind === 'ready') ready.resolve();
      else engine.#receive(reply);
    });
    worker.on('error', (error) => {
      ready.reject(error as Error);
      engine.#fail(error as Error);
    });
    worker.on('exit', () => {
      const stopped = new Error('The embedded database has stopped.');
      ready.reject(stopped);
      engine.#fail(stopped);
    });
    await ready.promise;
    return engine;
  }

  /** Resolves when `owner` alone may talk to the engine. */
  acquire(owner: object): Promise<void> {
    if (this.#owner === owner || this.#dead !== null) return Promise.resolve();
    if (this.#owner === null) {
      this.#owner = owner;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#queue.push(() => {
        this.#owner = owner;
        resolve();
      });
    });
  }

  release(owner: object): void {
    if (this.#owner !== owner) return;
    this.#owner = null;
    this.#queue.shift()?.();
  }

  send(bytes: Uint8Array): Promise<Uint8Array> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, bytes } satisfies WorkerRequest);
    });
  }

  async close(): Promise<void> {
    if (this.#dead === null) this.#worker.postMessage('close');
    else return;
    await this.#closed.promise;
    await this.#worker.terminate();
  }

  #receive(reply: Exclude<WorkerReply, { kind: 'ready' }>): void {
    if (reply.kind === 'closed') {
      this.#closed.resolve();
      return;
    }
    const waiter = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.kind === 'reply') waiter?.resolve(reply.bytes);
    else waiter?.reject(new Error(reply.message));
  }

  #fail(error: Error): void {
    this.#dead ??= error;
    this.#closed.resolve();
    for (const waiter of this.#waiting.values()) waiter.reject(this.#dead);
    this.#waiting.clear();
    for (const next of this.#queue.splice(0)) next();
  }
}
