import type { Clock } from '../ports.ts';

/** Refusals that lie further apart than this do not add up. */
const MEMORY_MS = 600_000;
const MAX_SUBJECTS = 10_000;

/** Counts refusals of each subject on this server; only repeated ones lead to a block. */
export class Strikes {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #counts = new Map<string, { count: number; since: number }>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** @returns how many there are now, with this one */
  add(key: string): number {
    const now = this.#clock.monotonic();
    const old = this.#counts.get(key);
    const { count, since } =
      old !== undefined && now - old.since < MEMORY_MS ? old : { count: 0, since: now };
    this.#counts.delete(key);
    this.#counts.set(key, { count: count + 1, since });
    if (this.#counts.size > MAX_SUBJECTS) this.#counts.delete(this.#counts.keys().next().value!);
    return count + 1;
  }

  clear(key: string): void {
    this.#counts.delete(key);
  }
}
