import { Duplex } from 'node:stream';
import type { PgliteEngine } from './pglite-engine.ts';

const QUERY = 0x51; // 'Q'
const SYNC = 0x53; // 'S'
const FLUSH = 0x48; // 'H'
const TERMINATE = 0x58; // 'X'
const READY_FOR_QUERY = 0x5a; // 'Z'
const IDLE = 0x49; // 'I'

const RESET = ['rollback', 'discard all'].map((sql) => {
  const text = Buffer.from(`${sql}\0`);
  const message = Buffer.alloc(5 + text.length);
  message[0] = QUERY;
  message.writeInt32BE(4 + text.length, 1);
  text.copy(message, 5);
  return message;
});

/**
 * What the `pg` driver takes for its socket: groups wire messages into the units that
 * PGlite can run, and keeps the engine while a transaction is open.
 */
export class PgliteStream extends Duplex {
  readonly #engine: PgliteEngine;
  #buffered: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #started = false;

  constructor(engine: PgliteEngine) {
    super();
    this.#engine = engine;
  }

  connect(): this {
    setImmediate(() => this.emit('connect'));
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#accept(chunk).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#reset().then(
      () => done(error),
      () => done(error),
    );
  }

  async #accept(chunk: Buffer): Promise<void> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const head = this.#started ? 1 : 0;
      if (bytes.length < head + 4) break;
      const length = head + bytes.readInt32BE(head);
      if (bytes.length < length) break;
      const message = bytes.subarray(0, length);
      bytes = bytes.subarray(length);
      await this.#take(message);
    }
    this.#rest = bytes;
  }

  async #take(message: Buffer): Promise<void> {
    if (this.#started && message[0] === TERMINATE) {
      this.end();
      this.push(null);
      return;
    }
    this.#buffered.push(message);
    const ends = !this.#started || message[0] === QUERY || message[0] === SYNC || message[0] === FLUSH;
    this.#started = true;
    if (!ends) return;
    const unit = Buffer.concat(this.#buffered);
    this.#buffered = [];
    await this.#engine.acquire(this);
    // Whoever asked has given up meanwhile: it must not run behind their back.
    if (this.destroyed) return this.#engine.release(this);
    const reply = await this.#engine.send(unit);
    const status = reply.at(-1);
    if (reply.at(-6) === READY_FOR_QUERY && status === IDLE) this.#engine.release(this);
    this.push(Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength));
  }

  /** The engine is one server process: what this connection left in it must go. */
  async #reset(): Promise<void> {
    await this.#engine.acquire(this);
    try {
      // Sent at once: the answer to an earlier unit may hand the engine on before these are answered.
      await Promise.all(RESET.map((message) => this.#engine.send(message)));
    } finally {
      this.#engine.release(this);
    }
  }
}
