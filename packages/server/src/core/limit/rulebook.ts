import type { Allowance, Clock, Db, LimitRequest, Logger } from '../ports.ts';
import { SYSTEM_TENANT } from '../audit/index.ts';
import { selectActiveBlocks, selectActiveOverrides } from './queries.ts';
import { within } from './within.ts';

/** Looked up again in the background from this age on, and waited for from the next. */
const REFRESH_MS = 2000;
const STALE_MS = 4000;
const LOAD_MS = 250;
const WARN_EVERY_MS = 30_000;

type Who = Pick<LimitRequest, 'policy' | 'subject' | 'tenantId'>;

const keyOf = (tenantId: string, policy: string, subject: string): string =>
  `${tenantId}\n${policy}\n${subject}`;

/** The overrides and blocks in force at one moment. */
export class Rules {
  readonly #overrides: ReadonlyMap<string, { allowance: Allowance | null; endsAt: number }>;
  readonly #blocks: ReadonlyMap<string, number>;

  constructor(
    overrides: ReadonlyMap<string, { allowance: Allowance | null; endsAt: number }> = new Map(),
    blocks: ReadonlyMap<string, number> = new Map(),
  ) {
    this.#overrides = overrides;
    this.#blocks = blocks;
  }

  /** The subject's own override before its tenant's; null lifts the limit, undefined is none. */
  overrideOf({ policy, subject, tenantId = SYSTEM_TENANT }: Who, now: number): Allowance | null | undefined {
    if (this.#overrides.size === 0) return undefined;
    const inForce = (key: string) => {
      const found = this.#overrides.get(key);
      return found !== undefined && now < found.endsAt ? found : undefined;
    };
    const found = inForce(keyOf(tenantId, policy, subject)) ?? inForce(keyOf(tenantId, policy, ''));
    return found?.allowance;
  }

  /** How long the subject is blocked yet, milliseconds; 0 if it is not. */
  blockedFor({ policy, subject, tenantId = SYSTEM_TENANT }: Who, now: number): number {
    if (this.#blocks.size === 0) return 0;
    return Math.max(0, (this.#blocks.get(keyOf(tenantId, policy, subject)) ?? 0) - now);
  }
}

/** Keeps the overrides and blocks of the database at hand, at most four seconds old. */
export class Rulebook {
  readonly #options: { db: Db; clock: Clock; logger: Logger };
  readonly #allowances = new Map<string, Allowance>();
  #rules = new Rules();
  #readAt = Number.NEGATIVE_INFINITY;
  #generation = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #loading: { generation: number; rules: Promise<Rules> } | null = null;

  constructor(options: { db: Db; clock: Clock; logger: Logger }) {
    this.#options = options;
  }

  /** Null when `load` has to be waited for. */
  get current(): Rules | null {
    const age = this.#options.clock.monotonic() - this.#readAt;
    if (age >= STALE_MS) return null;
    if (age >= REFRESH_MS) void this.load();
    return this.#rules;
  }

  /** The newest rules, or the last known ones while the database does not answer. */
  load(): Promise<Rules> {
    if (this.#loading?.generation !== this.#generation) {
      this.#loading = { generation: this.#generation, rules: this.#load(this.#generation) };
    }
    return this.#loading.rules;
  }

  /** Something has changed: what is being read now may be too old already. */
  outdate(): void {
    this.#generation += 1;
    this.#readAt = Number.NEGATIVE_INFINITY;
  }

  async #load(generation: number): Promise<Rules> {
    const { clock } = this.#options;
    const began = clock.monotonic();
    try {
      const rules = await within(clock, LOAD_MS, this.#read(began));
      if (generation !== this.#generation) return await this.load();
      this.#rules = rules;
    } catch (err) {
      this.#warn(err);
    }
    if (generation === this.#generation) {
      this.#readAt = began;
      this.#loading = null;
    }
    return this.#rules;
  }

  #warn(err: unknown): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#warnedAt < WARN_EVERY_MS) return;
    this.#warnedAt = now;
    this.#options.logger.warn(
      { err },
      'overrides of rate limits cannot be read; the last known ones stay in force',
    );
  }

  async #read(now: number): Promise<Rules> {
    const { db } = this.#options;
    const [overrides, blocks] = await Promise.all([selectActiveOverrides(db), selectActiveBlocks(db)]);
    return new Rules(
      new Map(
        overrides.map(({ tenant_id, policy, subject, allowance, ends_in }) => {
          const endsAt = ends_in === null ? Number.POSITIVE_INFINITY : now + ends_in;
          return [keyOf(tenant_id, policy, subject), { allowance: this.#intern(allowance), endsAt }];
        }),
      ),
      new Map(
        blocks.map(({ tenant_id, policy, subject, ends_in }) => [
          keyOf(tenant_id, policy, subject),
          now + ends_in,
        ]),
      ),
    );
  }

  /** Equal numbers are one object, so that what is remembered under them outlives a reading. */
  #intern(text: string | null): Allowance | null {
    if (text === null) return null;
    if (this.#allowances.size > 10_000) this.#allowances.clear();
    const allowance = this.#allowances.get(text) ?? (JSON.parse(text) as Allowance);
    this.#allowances.set(text, allowance);
    return allowance;
  }
}
