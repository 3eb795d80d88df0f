import type { Clock, LimitCount, LimitRules, LimitStore, LimitTake } from '../ports.ts';
import { StoreGuard, type GuardOptions } from './guard.ts';
import { NearCounts } from './near.ts';
import { retryAfterOf, roomOf } from './rules.ts';

/** A share is at most this part of the smallest limit: so much may stay unused on a server. */
const SHARE = 1 / 100;

export interface CounterOptions extends GuardOptions {
  /** Counts for this server alone while the store cannot be reached. */
  fallback: LimitStore;
}

/** Requests for the same subject that are answered by one question to the store. */
interface Round {
  waiting: number;
  begun: boolean;
  answered: Promise<boolean>;
}

/**
 * Takes from the shared store, asking it as seldom as exactness allows: once for all requests that wait, and of
 * limits from 200 on for a hundredth at a time. Never more than the limit is let through.
 */
export class Counter {
  readonly #store: LimitStore;
  readonly #fallback: LimitStore;
  readonly #guard: StoreGuard;
  readonly #near: NearCounts;
  readonly #clock: Clock;
  readonly #rounds = new Map<string, Round>();

  constructor(options: CounterOptions) {
    this.#store = options.store;
    this.#fallback = options.fallback;
    this.#guard = new StoreGuard(options);
    this.#near = new NearCounts(options.clock);
    this.#clock = options.clock;
  }

  /** Null while the store cannot be reached and `failOpen` is false. */
  async take(take: LimitTake, failOpen: boolean): Promise<LimitCount | null> {
    // Asking itself is cheaper than remembering what it said.
    if (this.#store.engine === 'memory') return this.#store.take(take);
    const count = this.#near.use(take) ?? (await this.#ask(take));
    return count ?? (failOpen ? this.#fallback.take(take) : null);
  }

  async forget(policy: string, subject: string): Promise<void> {
    this.#near.forget(policy, subject);
    await Promise.all([this.#store.forget(policy, subject), this.#fallback.forget(policy, subject)]);
  }

  /** Of a subject whose shared count another server has dropped. */
  async forgetHere(policy: string, subject: string): Promise<void> {
    this.#near.forget(policy, subject);
    await this.#fallback.forget(policy, subject);
    if (this.#store.engine === 'memory') await this.#store.forget(policy, subject);
  }

  /** What is remembered of decisions, not the counts. */
  clear(): void {
    this.#near.clear();
  }

  async purge(): Promise<number> {
    const [purged] = await Promise.all([this.#store.purge(), this.#fallback.purge()]);
    return purged;
  }

  async close(): Promise<void> {
    await Promise.all([this.#store.close(), this.#fallback.close()]);
  }

  async #ask(take: LimitTake): Promise<LimitCount | null> {
    if (take.cost !== 1) return this.#guard.take(take);
    for (;;) {
      if (!(await this.#joinRound(take))) return null;
      const count = this.#near.use(take);
      // Others of the round may have used up what was left.
      if (count !== null) return count;
    }
  }

  /** One question at a time for each subject, for all who wait for it. @returns whether the store answered */
  #joinRound(take: LimitTake): Promise<boolean> {
    const key = `${take.policy}\n${take.subject}`;
    let round = this.#rounds.get(key);
    if (round === undefined || round.begun) {
      const after = round?.answered ?? Promise.resolve(true);
      const opened: Round = { waiting: 0, begun: false, answered: after };
      opened.answered = after.then(() => this.#runRound(key, opened, take));
      this.#rounds.set(key, opened);
      round = opened;
    }
    round.waiting += 1;
    return round.answered;
  }

  async #runRound(key: string, round: Round, take: LimitTake): Promise<boolean> {
    round.begun = true;
    const missing = round.waiting - this.#near.left(take);
    const answered = missing <= 0 || (await this.#takeShare(take, missing));
    if (this.#rounds.get(key) === round) this.#rounds.delete(key);
    return answered;
  }

  /** Takes for all who wait, or for as many of them as there is room. */
  async #takeShare(take: LimitTake, missing: number): Promise<boolean> {
    for (let cost = Math.max(missing, shareOf(take.rules)); ;) {
      const askedAt = this.#clock.monotonic();
      const whole = { ...take, cost };
      const count = await this.#guard.take(whole);
      if (count === null) return false;
      const room = count.taken ? cost : roomOf(count, take.rules);
      if (count.taken) this.#near.noteShare(whole, count, askedAt);
      else if (room === 0) this.#near.noteRefusal(take, count, retryAfterOf(count, take.rules, 1));
      if (count.taken || room === 0) return true;
      cost = Math.min(cost - 1, room);
    }
  }
}

/** What is taken in advance of large limits. */
function shareOf({ burst, windows }: LimitRules): number {
  if (burst !== null) return 1;
  return Math.max(1, Math.floor(Math.min(...windows.filter((limit) => limit !== null)) * SHARE));
}
