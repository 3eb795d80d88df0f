import type {
  Allowance,
  Bus,
  Clock,
  Db,
  LimitCount,
  LimitDecision,
  LimitPolicy,
  LimitRequest,
  Limits,
  LimitState,
  Logger,
  Unsubscribe,
} from '../ports.ts';
import { blockSubject } from './block.ts';
import { blockedFor } from './blocked.ts';
import { Counter, type CounterOptions } from './counter.ts';
import { Delays } from './delays.ts';
import { Compiler, type Compiled } from './compiler.ts';
import { refusalOf } from './errors.ts';
import { REST_MS } from './guard.ts';
import { Rulebook, type Rules } from './rulebook.ts';
import { delayOf, NOTHING_USED, retryAfterOf, stateOf, unlimitedState } from './rules.ts';
import { Strikes } from './strikes.ts';
import { keyOf, normalise, subjectOf } from './subject.ts';

const TOPIC = 'limits';

/** What servers tell each other: look again, and forget what you count for this subject. */
interface Signal {
  forget?: { policy: string; subject: string };
}

export interface LimitsOptions extends CounterOptions {
  db: Db;
  bus: Bus;
  clock: Clock;
  logger: Logger;
  policies: readonly LimitPolicy[];
  /** Told of every decision. */
  onDecision?: (policy: string, outcome: LimitDecision['outcome']) => void;
}

/** The limiter of one server: policies, overrides and blocks before, the counters behind. */
export class Limiter implements Limits {
  readonly #options: LimitsOptions;
  readonly #policies: ReadonlyMap<string, LimitPolicy>;
  readonly #counter: Counter;
  readonly #rulebook: Rulebook;
  readonly #delays: Delays;
  readonly #strikes: Strikes;
  readonly #compiler = new Compiler();
  #leave: Unsubscribe = () => {};

  constructor(options: LimitsOptions) {
    this.#options = options;
    this.#policies = new Map(options.policies.map((policy) => [policy.name, policy]));
    this.#counter = new Counter(options);
    this.#rulebook = new Rulebook(options);
    this.#delays = new Delays(options.clock);
    this.#strikes = new Strikes(options.clock);
    options.bus
      .subscribe(TOPIC, (payload) => this.#hear(JSON.parse(payload) as Signal))
      .then(
        (leave) => (this.#leave = leave),
        () => {},
      );
  }

  async use(request: LimitRequest): Promise<LimitState> {
    const decision = await this.decide(request);
    const { outcome, state } = decision;
    if (outcome !== 'allowed' && outcome !== 'slowed') throw refusalOf(request.policy, decision);
    return state ?? unlimitedState(request.policy);
  }

  async decide(request: LimitRequest): Promise<LimitDecision> {
    this.#options.db.refuseInside('Counting against a limit');
    const policy = this.#policy(request.policy);
    const rules = this.#rulebook.current ?? (await this.#rulebook.load());
    const decision = await this.#decide(policy, normalise(policy, request), rules);
    this.#options.onDecision?.(policy.name, decision.outcome);
    return decision;
  }

  async peek(request: LimitRequest): Promise<LimitState | null> {
    const policy = this.#policy(request.policy);
    const rules = this.#rulebook.current ?? (await this.#rulebook.load());
    const asked = { ...normalise(policy, request), cost: 0 };
    const compiled = this.#compiler.compile(this.#allowanceOf(policy, asked, rules), policy);
    if (compiled === null) return null;
    const count = await this.#take(policy, asked, compiled);
    return count === null ? null : stateOf(policy.name, count, compiled.rules, this.#now());
  }

  untouched(name: string): LimitState | null {
    const policy = this.#policy(name);
    const compiled = this.#compiler.compile(policy.allowances.free, policy);
    return compiled === null ? null : stateOf(name, NOTHING_USED, compiled.rules, this.#now());
  }

  policies(): readonly LimitPolicy[] {
    return this.#options.policies;
  }

  async reset(given: Pick<LimitRequest, 'policy' | 'subject' | 'tenantId'>): Promise<void> {
    const who = normalise(this.#policy(given.policy), given);
    const forget = { policy: who.policy, subject: subjectOf(who) };
    this.#strikes.clear(keyOf(who));
    await this.#counter.forget(forget.policy, forget.subject);
    this.#lookAgain();
    this.#options.bus.publish(TOPIC, JSON.stringify({ forget } satisfies Signal));
  }

  changed(): void {
    this.#lookAgain();
    this.#options.bus.publish(TOPIC, '{}');
  }

  purge(): Promise<number> {
    return this.#counter.purge();
  }

  async close(): Promise<void> {
    this.#leave();
    await this.#counter.close();
  }

  async #decide(policy: LimitPolicy, request: LimitRequest, rules: Rules): Promise<LimitDecision> {
    const compiled = this.#compiler.compile(this.#allowanceOf(policy, request, rules), policy);
    const blockedMs = rules.blockedFor(request, this.#options.clock.monotonic());
    if (blockedMs > 0) return blockedFor(policy.name, compiled, { now: this.#now(), blockedMs });
    if (compiled === null) return { outcome: 'allowed', state: null, retryAfterMs: 0 };
    const count = await this.#take(policy, request, compiled);
    if (count === null) return { outcome: 'unavailable', state: null, retryAfterMs: REST_MS };
    const state = stateOf(policy.name, count, compiled.rules, this.#now());
    const { slowUpTo } = policy.stages;
    const delayMs = count.taken && slowUpTo > 1 ? delayOf(count, compiled.rules, slowUpTo) : 0;
    if (count.taken && delayMs === 0) return { outcome: 'allowed', state, retryAfterMs: 0 };
    if (count.taken && (await this.#delays.hold(delayMs)))
      return { outcome: 'slowed', state, retryAfterMs: 0 };
    this.#strike(policy, request);
    const retryAfterMs = count.taken
      ? state.resetAt - this.#now()
      : retryAfterOf(count, compiled.enforced, request.cost ?? 1);
    return { outcome: 'refused', state, retryAfterMs };
  }

  #take(policy: LimitPolicy, request: LimitRequest, { enforced }: Compiled): Promise<LimitCount | null> {
    const take = {
      policy: policy.name,
      subject: subjectOf(request),
      rules: enforced,
      cost: request.cost ?? 1,
    };
    return this.#counter.take(take, policy.onFailure === 'open');
  }

  /** Repeated refusals block the subject; nobody waits for that. */
  #strike(policy: LimitPolicy, request: LimitRequest): void {
    const { blockAfter } = policy.stages;
    if (blockAfter === null) return;
    const key = keyOf(request);
    if (this.#strikes.add(key) < blockAfter) return;
    this.#strikes.clear(key);
    void this.#block(request);
  }

  async #block(request: LimitRequest): Promise<void> {
    const { db, logger } = this.#options;
    const { policy } = request;
    try {
      const block = await blockSubject(db, request);
      if (block === null) return;
      logger.warn({ policy, level: block.level }, 'blocked for going on above its rate limit');
      this.changed();
    } catch (err) {
      logger.error({ err, policy }, 'a block could not be stored');
    }
  }

  #allowanceOf(policy: LimitPolicy, request: LimitRequest, rules: Rules): Allowance | null {
    const override = rules.overrideOf(request, this.#options.clock.monotonic());
    return override === undefined ? policy.allowances[request.tier ?? 'free'] : override;
  }

  #policy(name: string): LimitPolicy {
    const policy = this.#policies.get(name);
    if (policy === undefined) throw new Error(`There is no rate limit policy ${name}.`);
    return policy;
  }

  #hear({ forget }: Signal): void {
    this.#lookAgain();
    if (forget !== undefined) void this.#counter.forgetHere(forget.policy, forget.subject);
  }

  #lookAgain(): void {
    this.#rulebook.outdate();
    this.#counter.clear();
  }

  #now(): number {
    return this.#options.clock.now();
  }
}
