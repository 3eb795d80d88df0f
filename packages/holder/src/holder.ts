/** Work a holder has claimed: a session, under an epoch. Transports add what the work needs. */
export interface Claim {
  session_id: string;
  epoch: number;
  /** Silence after which the claim counts as lost, milliseconds. */
  ttl_ms: number;
}

/** How a holder talks to the server: in-process for the server itself, HTTP for everybody else. */
export interface HolderTransport<C extends Claim, Hint> {
  /** Takes the next piece of work, or null. With a hint, only looks there. */
  claim(hint?: Hint): Promise<C | null>;
  /** @returns ids of the sessions whose claim is still good */
  heartbeat(claims: readonly C[]): Promise<ReadonlySet<string>>;
}

/** What the work sees of its claim. */
export interface Hold {
  /** Aborts when the claim is lost, the work is cancelled, or the holder stops. */
  readonly signal: AbortSignal;
}

export interface HolderClock {
  monotonic(): number;
  every(ms: number, run: () => void): { cancel(): void };
}

export interface HolderOptions<C extends Claim, Hint> {
  transport: HolderTransport<C, Hint>;
  /** Does the work and records its end; called once per claim. */
  work(claim: C, hold: Hold): Promise<void>;
  clock: HolderClock;
  concurrency: number;
  ttlMs: number;
  /** Backstop for hints that were lost, milliseconds. */
  pollMs: number;
  onError(error: unknown, claim: C | null): void;
}

/** The claim ran out, or someone else took it; whatever is written now is refused. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

interface Held<C> {
  claim: C;
  abort: AbortController;
  /** When the last acknowledged heartbeat was sent, on the monotonic clock. */
  beatAt: number;
  done: Promise<void>;
}

/** How many looks at its own clock a holder takes within one TTL, so that it stops well before the TTL is over. */
const FENCE_LOOKS = 16;

/** claim -> heartbeat -> work -> release, for as many sessions at once as it has room for. */
export class Holder<C extends Claim, Hint> {
  readonly #options: HolderOptions<C, Hint>;
  /** Everything that has not ended, also what a newer claim of the same session has replaced. */
  readonly #held = new Set<Held<C>>();
  readonly #current = new Map<string, Held<C>>();
  readonly #claiming = new Set<Promise<boolean>>();
  readonly #timers: { cancel(): void }[] = [];
  #stopped = true;
  #graceOver = false;
  #beating = false;
  /** There may be work that was not looked for, because there was no room. */
  #behind = false;

  constructor(options: HolderOptions<C, Hint>) {
    this.#options = options;
  }

  /** Pieces of work that have not ended. */
  get size(): number {
    return this.#held.size;
  }

  start(): void {
    this.#stopped = false;
    this.#graceOver = false;
    const { clock, ttlMs, pollMs } = this.#options;
    this.#timers.push(
      clock.every(ttlMs / FENCE_LOOKS, () => this.#fenceSelf()),
      clock.every(ttlMs / 4, () => void this.#beat()),
      clock.every(pollMs, () => void this.#sweep()),
    );
    void this.#sweep();
  }

  /** There may be work. @returns false when there is no room to look: it is looked for when there is */
  poke(hint?: Hint): boolean {
    if (this.#stopped) return false;
    if (!this.#hasRoom) {
      this.#behind = true;
      return false;
    }
    void this.#take(hint);
    return true;
  }

  /** Ends one piece of work from outside, as when its run was cancelled. */
  abort(matches: (claim: C) => boolean, reason: unknown): void {
    for (const held of this.#held) if (matches(held.claim)) held.abort.abort(reason);
  }

  /** Takes no more work, aborts what is held after `graceMs`, and waits for it to end. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    const drained = this.#drain();
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, graceMs);
    await Promise.race([drained, grace.promise]);
    clearTimeout(timer);
    this.#graceOver = true;
    for (const held of this.#held) held.abort.abort(new LeaseLostError('The holder is stopping.'));
    await drained;
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }

  get #hasRoom(): boolean {
    return this.#held.size + this.#claiming.size < this.#options.concurrency;
  }

  /** A claim under way when the holder stops still becomes work. */
  async #drain(): Promise<void> {
    while (this.#held.size + this.#claiming.size > 0) {
      await Promise.allSettled([...this.#claiming, ...[...this.#held].map((held) => held.done)]);
    }
  }

  /** Looks for work until there is none left or no room for it. */
  async #sweep(): Promise<void> {
    this.#behind = false;
    while (!this.#stopped) {
      if (!this.#hasRoom) {
        this.#behind = true;
        return;
      }
      if (!(await this.#take())) return;
    }
  }

  #take(hint?: Hint): Promise<boolean> {
    const taking = this.#claim(hint).finally(() => this.#claiming.delete(taking));
    this.#claiming.add(taking);
    return taking;
  }

  async #claim(hint?: Hint): Promise<boolean> {
    const { transport, clock, onError } = this.#options;
    const beatAt = clock.monotonic();
    try {
      const claim = await transport.claim(hint);
      if (claim === null) return false;
      this.#hold(claim, beatAt);
      return true;
    } catch (error) {
      onError(error, null);
      return false;
    }
  }

  #hold(claim: C, beatAt: number): void {
    this.#current.get(claim.session_id)?.abort.abort(new LeaseLostError('Claimed again.'));
    const held: Held<C> = { claim, abort: new AbortController(), beatAt, done: Promise.resolve() };
    if (this.#graceOver) held.abort.abort(new LeaseLostError('The holder is stopping.'));
    this.#current.set(claim.session_id, held);
    this.#held.add(held);
    held.done = this.#work(held);
  }

  async #work(held: Held<C>): Promise<void> {
    try {
      await this.#options.work(held.claim, { signal: held.abort.signal });
    } catch (error) {
      this.#options.onError(error, held.claim);
    } finally {
      this.#held.delete(held);
      if (this.#current.get(held.claim.session_id) === held) this.#current.delete(held.claim.session_id);
      if (this.#behind) void this.#sweep();
    }
  }

  async #beat(): Promise<void> {
    if (this.#beating || this.#current.size === 0) return;
    this.#beating = true;
    const { transport, clock, onError } = this.#options;
    const sent = [...this.#current.values()];
    const sentAt = clock.monotonic();
    try {
      const alive = await transport.heartbeat(sent.map((held) => held.claim));
      for (const held of sent) {
        if (alive.has(held.claim.session_id)) held.beatAt = sentAt;
        else held.abort.abort(new LeaseLostError('Another holder has taken over.'));
      }
    } catch (error) {
      // A time-out or an unreachable server is not a verdict: only the clock below is.
      onError(error, null);
    } finally {
      this.#beating = false;
    }
  }

  /** Stops side effects before anyone else can have been given the session. */
  #fenceSelf(): void {
    const now = this.#options.clock.monotonic();
    for (const held of this.#held) {
      const margin = Math.min(30_000, held.claim.ttl_ms / 4);
      if (now - held.beatAt >= held.claim.ttl_ms - margin) {
        held.abort.abort(new LeaseLostError('No heartbeat was acknowledged in time.'));
      }
    }
  }
}
