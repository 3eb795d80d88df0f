import type { Clock, LimitCount, LimitRules, LimitTake } from '../ports.ts';

/** Other servers' changes are seen within this time: nothing is remembered for longer. */
const MEMORY_MS = 4000;
const MAX_SUBJECTS = 50_000;
const US_PER_MS = 1000;

interface Note {
  rules: LimitRules;
  count: LimitCount;
  /** Of a refusal, the cost that did not fit; of a share, the uses left of it. */
  amount: number;
  at: number;
  until: number;
}

/**
 * What this server knows without asking the shared store: who is refused for now, and shares of large
 * allowances that it has taken already. A share is never used after its window.
 */
export class NearCounts {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #refused = new Map<string, Note>();
  readonly #shares = new Map<string, Note>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** @returns null when the store has to be asked */
  use({ policy, subject, rules, cost }: LimitTake): LimitCount | null {
    const key = keyOf(policy, subject);
    const share = this.#find(this.#shares, key, rules);
    if (share !== null && share.amount >= cost) {
      share.amount -= cost;
      return this.#later(share, share.amount);
    }
    const refused = this.#find(this.#refused, key, rules);
    return refused !== null && cost >= refused.amount ? this.#later(refused, 0) : null;
  }

  /** @param retryAfterMs when the same cost could be taken again */
  noteRefusal({ policy, subject, rules, cost }: LimitTake, count: LimitCount, retryAfterMs: number): void {
    const at = this.#clock.monotonic();
    const until = at + Math.min(MEMORY_MS, retryAfterMs);
    remember(this.#refused, keyOf(policy, subject), { rules, count, amount: cost, at, until });
  }

  /** Uses of a share that are there to be used. */
  left({ policy, subject, rules }: LimitTake): number {
    return this.#find(this.#shares, keyOf(policy, subject), rules)?.amount ?? 0;
  }

  /** @param askedAt monotonic, before the store was asked: the window may not end later here than there */
  noteShare(take: LimitTake, count: LimitCount, askedAt: number): void {
    const { policy, subject, rules, cost } = take;
    const amount = cost + this.left(take);
    const ends = count.windows.map(({ endUs }) => endUs).filter((endUs) => endUs > count.nowUs);
    const windowMs = Math.floor((Math.min(...ends) - count.nowUs) / US_PER_MS);
    const until = askedAt + Math.min(MEMORY_MS, windowMs);
    remember(this.#shares, keyOf(policy, subject), { rules, count, amount, at: askedAt, until });
  }

  forget(policy: string, subject: string): void {
    this.#refused.delete(keyOf(policy, subject));
    this.#shares.delete(keyOf(policy, subject));
  }

  clear(): void {
    this.#refused.clear();
    this.#shares.clear();
  }

  #find(notes: Map<string, Note>, key: string, rules: LimitRules): Note | null {
    const note = notes.get(key);
    if (note === undefined) return null;
    // Other numbers: what was decided by the old ones no longer holds.
    if (note.rules === rules && this.#clock.monotonic() < note.until) return note;
    notes.delete(key);
    return null;
  }

  /** The noted count as it is now, with `unused` of what it says not used yet. */
  #later({ count, at }: Note, unused: number): LimitCount {
    const nowUs = count.nowUs + Math.floor((this.#clock.monotonic() - at) * US_PER_MS);
    const windows = count.windows.map(({ endUs, used }) => ({ endUs, used: Math.max(0, used - unused) }));
    return { ...count, nowUs, windows };
  }
}

function keyOf(policy: string, subject: string): string {
  return `${policy}\n${subject}`;
}

function remember(notes: Map<string, Note>, key: string, note: Note): void {
  notes.delete(key);
  notes.set(key, note);
  if (notes.size > MAX_SUBJECTS) notes.delete(notes.keys().next().value!);
}
