import type { LimitRules } from '../src/core/ports.ts';

const WINDOW_US = [60_000_000n, 3_600_000_000n, 86_400_000_000n];

/** What a limit promises, written as simply as it can be: a list of what was taken, and a bucket of tokens. */
export class NaiveLimit {
  readonly #rules: LimitRules;
  readonly #starts: (bigint | null)[] = [null, null, null];
  readonly #taken: [at: bigint, cost: bigint][][] = [[], [], []];
  /** Full at size * interval; a microsecond brings one unit back, a use costs an interval. */
  #bucket: bigint;
  #seenAt = 0n;

  constructor(rules: LimitRules) {
    this.#rules = rules;
    this.#bucket = this.#full();
  }

  take(cost: number, nowUs: number): boolean {
    const [now, amount] = [BigInt(nowUs), BigInt(cost)];
    this.#refill(now);
    const price = amount * BigInt(this.#rules.burst?.intervalUs ?? 0);
    const fits = (this.#rules.burst === null || price <= this.#bucket) && this.#windowsFit(now, amount);
    if (!fits) return false;
    this.#bucket -= price;
    if (amount > 0n) this.#note(now, amount);
    return true;
  }

  used(window: number, nowUs: number): number {
    this.#endWindows(BigInt(nowUs));
    return Number(this.#taken[window]!.reduce((sum, [, cost]) => sum + cost, 0n));
  }

  #full(): bigint {
    const { burst } = this.#rules;
    return burst === null ? 0n : BigInt(burst.size) * BigInt(burst.intervalUs);
  }

  #refill(now: bigint): void {
    const bucket = this.#bucket + (now - this.#seenAt);
    this.#bucket = bucket > this.#full() ? this.#full() : bucket;
    this.#seenAt = now;
  }

  #endWindows(now: bigint): void {
    this.#starts.forEach((start, window) => {
      if (start === null || now < start + WINDOW_US[window]!) return;
      this.#starts[window] = null;
      this.#taken[window] = [];
    });
  }

  #windowsFit(now: bigint, amount: bigint): boolean {
    return this.#rules.windows.every(
      (limit, window) => limit === null || BigInt(this.used(window, Number(now))) + amount <= BigInt(limit),
    );
  }

  #note(now: bigint, amount: bigint): void {
    this.#rules.windows.forEach((limit, window) => {
      if (limit === null) return;
      this.#starts[window] ??= now;
      this.#taken[window]!.push([now, amount]);
    });
  }
}
