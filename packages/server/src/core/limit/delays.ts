import type { Clock } from '../ports.ts';

/** Requests held up at the same time; each keeps a socket open. */
const MAX_HELD = 100;

/** Holds up requests, but only so many at once. */
export class Delays {
  readonly #clock: Clock;
  readonly #max: number;
  #held = 0;

  constructor(clock: Clock, max = MAX_HELD) {
    this.#clock = clock;
    this.#max = max;
  }

  get held(): number {
    return this.#held;
  }

  /** @returns false at once when too many are held up already */
  async hold(ms: number): Promise<boolean> {
    if (this.#held >= this.#max) return false;
    this.#held += 1;
    await new Promise<void>((resolve) => this.#clock.after(ms, resolve));
    this.#held -= 1;
    return true;
  }
}
