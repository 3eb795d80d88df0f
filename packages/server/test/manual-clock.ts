import type { Clock, Timer } from '../src/core/ports.ts';

interface Pending {
  due: number;
  run: () => void;
  /** Milliseconds between repeats; null for once. */
  period: number | null;
}

/** A clock that stands still until `advance`. */
export class ManualClock implements Clock {
  readonly #start: number;
  #elapsed = 0;
  readonly #pending = new Set<Pending>();

  /** @param start wall clock at the beginning, milliseconds since 1970 */
  constructor(start = Date.UTC(2030, 0, 1)) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, run: () => void): Timer {
    return this.#add({ due: this.#elapsed + ms, run, period: null });
  }

  every(ms: number, run: () => void): Timer {
    if (!(ms > 0)) throw new RangeError('A period must be positive.');
    return this.#add({ due: this.#elapsed + ms, run, period: ms });
  }

  /** Timers not yet fired or cancelled. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Runs every timer that falls due within `ms`, in order of time. */
  advance(ms: number): void {
    const end = this.#elapsed + ms;
    for (let next = this.#nextDue(end); next !== undefined; next = this.#nextDue(end)) {
      this.#elapsed = Math.max(this.#elapsed, next.due);
      if (next.period === null) this.#pending.delete(next);
      else next.due += next.period;
      next.run();
    }
    this.#elapsed = end;
  }

  #add(pending: Pending): Timer {
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  #nextDue(end: number): Pending | undefined {
    let next: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.due <= end && (next === undefined || pending.due < next.due)) next = pending;
    }
    return next;
  }
}
