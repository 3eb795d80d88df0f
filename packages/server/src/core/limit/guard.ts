import type { Clock, LimitCount, LimitStore, LimitTake, Logger } from '../ports.ts';
import { within } from './within.ts';

/** How long a decision may take. */
export const DECISION_MS = 250;
/** After a failure the store is left alone for so long, then one call tries it. */
export const REST_MS = 1000;
const WARN_EVERY_MS = 30_000;

export interface GuardOptions {
  store: LimitStore;
  clock: Clock;
  logger: Logger;
  /** Told of each call that the store did not answer in time, or with an error. */
  onFailure?: () => void;
}

/** A store that fails fast: nobody waits for one that does not answer. */
export class StoreGuard {
  readonly #options: GuardOptions;
  #failing = false;
  #tryAt = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Null while the store cannot be reached. */
  async take(take: LimitTake): Promise<LimitCount | null> {
    const { clock, store } = this.#options;
    if (this.#failing) {
      if (clock.monotonic() < this.#tryAt) return null;
      this.#tryAt = clock.monotonic() + REST_MS;
    }
    try {
      const count = await within(clock, DECISION_MS, store.take(take));
      this.#recover();
      return count;
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  #recover(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.logger.info({ engine: this.#options.store.engine }, 'rate limits are counted again');
  }

  #fail(err: unknown): void {
    const { clock, logger, store, onFailure } = this.#options;
    const now = clock.monotonic();
    this.#failing = true;
    this.#tryAt = now + REST_MS;
    onFailure?.();
    if (now - this.#warnedAt < WARN_EVERY_MS) return;
    this.#warnedAt = now;
    logger.warn(
      { err, engine: store.engine },
      'rate limits cannot be counted: policies that fail open are counted by this server alone, others refuse',
    );
  }
}
