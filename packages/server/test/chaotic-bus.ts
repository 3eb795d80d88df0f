import type { Bus, Unsubscribe } from '../src/core/ports.ts';

export interface Chaos {
  seed: number;
  /** Probability that a message is lost; 0.3 unless told. */
  loss?: number;
  /** Probability that a message comes twice; 0.3 unless told. */
  double?: number;
  /** Each copy takes up to this long, milliseconds, so that messages overtake each other; 5 unless told. */
  delayMs?: number;
}

/** A real bus whose messages are lost, doubled, delayed and reordered by a seeded dice. */
export class ChaoticBus implements Bus {
  readonly #inner: Bus;
  readonly #chaos: Required<Chaos>;
  readonly #random: () => number;
  readonly #underway = new Set<NodeJS.Timeout>();
  #subscriptions = 0;

  constructor(inner: Bus, chaos: Chaos) {
    this.#inner = inner;
    this.#chaos = { loss: 0.3, double: 0.3, delayMs: 5, ...chaos };
    this.#random = seededRandom(chaos.seed);
  }

  /** Subscriptions not yet ended. */
  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** Messages published and not yet delivered. */
  get underway(): number {
    return this.#underway.size;
  }

  publish(topic: string, payload: string): void {
    if (this.#random() < this.#chaos.loss) return;
    const copies = this.#random() < this.#chaos.double ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const timer = setTimeout(() => {
        this.#underway.delete(timer);
        this.#inner.publish(topic, payload);
      }, this.#random() * this.#chaos.delayMs);
      this.#underway.add(timer);
    }
  }

  async subscribe(topic: string, handler: (payload: string) => void): Promise<Unsubscribe> {
    const off = await this.#inner.subscribe(topic, handler);
    this.#subscriptions += 1;
    let open = true;
    return () => {
      if (open) this.#subscriptions -= 1;
      open = false;
      off();
    };
  }

  onGap(listener: () => void): Unsubscribe {
    return this.#inner.onGap(listener);
  }

  state(): 'local' | 'up' | 'down' {
    return this.#inner.state();
  }

  /** Drops what is under way; the wrapped bus stays open for its other users. */
  async close(): Promise<void> {
    for (const timer of this.#underway) clearTimeout(timer);
    this.#underway.clear();
  }
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
