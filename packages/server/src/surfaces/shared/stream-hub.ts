import type { CloseReason } from '@holdfast/protocol';
import type { Principal } from '../../core/context.ts';
import type { Clock, Timer } from '../../core/ports.ts';

/** One open follow, whatever its transport. */
export interface OpenStream {
  /** Who was let in; null on public routes, and once it has ended. */
  readonly principal: Principal | null;
  /** Looks at the stream's own deadlines; called every second. */
  check(monotonicMs: number, wallMs: number): void;
  keepAlive(): void;
  /** Ends the stream from the server's side. */
  end(reason: CloseReason): void;
}

const CHECK_MS = 1000;
export const KEEP_ALIVE_MS = 15_000;
/** Longest a stream may be blocked without taking a byte. */
export const STALL_MS = 30_000;
/** So many keep-alives between two turns of the event loop. */
const SLICE = 256;

/** Between two looks at whether those who were let in still would be. */
const RECHECK_MS = 2000;

/** Which of those who were let in would not be now. */
export type FindEnded = (principals: Iterable<Principal>) => Promise<ReadonlySet<Principal>>;

/** All open follows of this server, on one timer. */
export class StreamHub {
  readonly clock: Clock;
  readonly #streams = new Set<OpenStream>();
  #timer: Timer | null = null;
  #lastKeepAlive = 0;
  #lastRecheck = 0;
  #rechecking = false;

  readonly #keepAliveMs: number;
  readonly #findEnded: FindEnded | undefined;

  constructor(clock: Clock, keepAliveMs = KEEP_ALIVE_MS, findEnded?: FindEnded) {
    this.clock = clock;
    this.#keepAliveMs = keepAliveMs;
    this.#findEnded = findEnded;
  }

  get size(): number {
    return this.#streams.size;
  }

  add(stream: OpenStream): void {
    this.#streams.add(stream);
    if (this.#timer !== null) return;
    this.#lastKeepAlive = this.#lastRecheck = this.clock.monotonic();
    this.#timer = this.clock.every(Math.min(CHECK_MS, this.#keepAliveMs), () => this.#tick());
  }

  remove(stream: OpenStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Ends every stream, so that clients reconnect elsewhere. */
  closeAll(reason: CloseReason): void {
    for (const stream of [...this.#streams]) stream.end(reason);
  }

  #tick(): void {
    const monotonic = this.clock.monotonic();
    const wall = this.clock.now();
    for (const stream of [...this.#streams]) stream.check(monotonic, wall);
    if (monotonic - this.#lastRecheck >= RECHECK_MS) {
      this.#lastRecheck = monotonic;
      void this.#recheck();
    }
    if (monotonic - this.#lastKeepAlive < this.#keepAliveMs) return;
    this.#lastKeepAlive = monotonic;
    this.#keepAlive([...this.#streams]);
  }

  /** One look for all streams. While the database is away they go on, and are looked at again later. */
  async #recheck(): Promise<void> {
    if (this.#findEnded === undefined || this.#rechecking) return;
    const principals = new Set(
      [...this.#streams].map(({ principal }) => principal).filter((who) => who !== null),
    );
    if (principals.size === 0) return;
    this.#rechecking = true;
    const ended = await this.#findEnded(principals).catch(() => new Set<Principal>());
    this.#rechecking = false;
    for (const stream of [...this.#streams]) {
      if (stream.principal !== null && ended.has(stream.principal)) stream.end('credential_revoked');
    }
  }

  #keepAlive(streams: readonly OpenStream[]): void {
    for (const stream of streams.slice(0, SLICE)) if (this.#streams.has(stream)) stream.keepAlive();
    if (streams.length > SLICE) setImmediate(() => this.#keepAlive(streams.slice(SLICE)));
  }
}
