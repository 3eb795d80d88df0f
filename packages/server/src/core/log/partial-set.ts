import type { Clock } from '../ports.ts';
import type { Frame } from './frame.ts';
import { PartialAnswer } from './partial.ts';
import { keyOf } from './tail-set.ts';
import type { LogTarget } from './types.ts';

/** An answer whose run was taken over elsewhere ends here without a word. */
const FORGET_MS = 120_000;

/** The unfinished answers that are being written through this server. */
export class PartialSet {
  readonly #clock: Clock;
  readonly #kept = new Map<string, { partial: PartialAnswer; touchedAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer being written here, or an empty one to listen with. */
  of(target: LogTarget): PartialAnswer {
    return this.own(target) ?? new PartialAnswer();
  }

  /** The answer being written here, if there is one. */
  own(target: LogTarget): PartialAnswer | undefined {
    return this.#kept.get(keyOf(target))?.partial;
  }

  /** @param heard what the followers of this server were told so far: it goes on from there */
  keep(target: LogTarget, heard: PartialAnswer | undefined): PartialAnswer {
    const partial = heard ?? this.of(target);
    this.#kept.set(keyOf(target), { partial, touchedAt: this.#clock.monotonic() });
    return partial;
  }

  see(target: LogTarget, frame: Frame): void {
    const partial = this.own(target);
    partial?.see(frame);
    if (partial?.isOpen === false) this.#kept.delete(keyOf(target));
  }

  sweep(): void {
    const now = this.#clock.monotonic();
    for (const [key, { partial, touchedAt }] of this.#kept) {
      if (!partial.isOpen || now - touchedAt > FORGET_MS) this.#kept.delete(key);
    }
  }
}
