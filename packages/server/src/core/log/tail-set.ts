import { DomainError, notFound } from '../errors.ts';
import type { Bus, Clock, Db, Timer, Unsubscribe } from '../ports.ts';
import type { PartialAnswer } from './partial.ts';
import { selectHead } from './queries.ts';
import { Tail } from './tail.ts';
import type { LogTarget } from './types.ts';

const LINGER_MS = 10_000;

/** A tail and what keeps it open. */
export interface OpenTail {
  readonly tail: Tail;
  readonly leave: Unsubscribe;
  linger: Timer | null;
  /** Follows that are prepared but not started. */
  pending: number;
  /** When the rest of an unfinished answer was last asked for; monotonic milliseconds. */
  askedAt: number;
}

export interface TailSetOptions {
  db: Db;
  bus: Bus;
  clock: Clock;
}

/** One log of one tenant. */
export function keyOf({ tenantId, sessionId }: LogTarget): string {
  return `${tenantId}/${sessionId}`;
}

export function topicOf(target: LogTarget): string {
  return `log:${keyOf(target)}`;
}

/** The tails this server keeps, opened by the first follower and closed a while after the last. */
export class TailSet {
  readonly #options: TailSetOptions;
  readonly #receive: (open: OpenTail, payload: string) => void;
  readonly #opening = new Map<string, Promise<OpenTail>>();
  readonly #live = new Map<string, OpenTail>();
  #closed = false;

  /** @param receive takes what the bus says of an open tail */
  constructor(options: TailSetOptions, receive: (open: OpenTail, payload: string) => void) {
    this.#options = options;
    this.#receive = receive;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get(target: LogTarget): OpenTail | undefined {
    return this.#live.get(keyOf(target));
  }

  all(): OpenTail[] {
    return [...this.#live.values()];
  }

  /**
   * Opens or joins the tail; every join needs a `leave`, or `enter` and later `release`.
   * @throws notFound, SERVICE_UNAVAILABLE while closing
   */
  async join(target: LogTarget, partial: () => PartialAnswer): Promise<OpenTail> {
    const key = keyOf(target);
    let opening = this.#opening.get(key);
    if (opening === undefined) {
      opening = this.#open(target, partial);
      this.#opening.set(key, opening);
      opening.catch(() => this.#opening.delete(key));
    }
    const open = await opening;
    open.linger?.cancel();
    open.linger = null;
    open.pending += 1;
    return open;
  }

  leave(open: OpenTail): void {
    open.pending -= 1;
    this.release(open);
  }

  /** A reader who reconnects within a moment finds the tail still warm. */
  release(open: OpenTail): void {
    if (this.#closed || open.tail.followers.size > 0 || open.pending > 0 || open.linger !== null) return;
    open.linger = this.#options.clock.after(LINGER_MS, () => {
      const key = keyOf(open.tail.target);
      this.#opening.delete(key);
      this.#live.delete(key);
      open.leave();
    });
  }

  close(): void {
    this.#closed = true;
    for (const open of this.#live.values()) {
      open.linger?.cancel();
      open.leave();
    }
    this.#live.clear();
    this.#opening.clear();
  }

  /** Subscribe first, read the head second: an event in between is hinted at, never missed. */
  async #open(target: LogTarget, partial: () => PartialAnswer): Promise<OpenTail> {
    const { bus, db } = this.#options;
    const early: string[] = [];
    let open: OpenTail | null = null;
    const leave = await bus.subscribe(topicOf(target), (payload) => {
      if (open === null) early.push(payload);
      else this.#receive(open, payload);
    });
    try {
      const head = await selectHead(db, target);
      if (head === null) throw notFound('Session');
      if (this.#closed) throw new DomainError('SERVICE_UNAVAILABLE', undefined, { retryAfter: 1 });
      const reach = { epoch: head.epoch, lastSeq: head.last_seq, minSeq: head.min_seq };
      const tail = new Tail(db, target, reach, partial());
      open = { tail, leave, linger: null, pending: 0, askedAt: -Infinity };
      this.#live.set(keyOf(target), open);
      for (const payload of early) this.#receive(open, payload);
      return open;
    } catch (error) {
      leave();
      throw error;
    }
  }
}
