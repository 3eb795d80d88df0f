import type { Client, Tier } from '../context.ts';

/** One use of something limited. */
export interface LimitRequest {
  /** Name of a policy of core/limit. */
  policy: string;
  /** Whose use it is: `ip:...`, `tenant:...`, `user:...`, `key:...`, or a mix the policy defines. */
  subject: string;
  tenantId?: string;
  tier?: Tier;
  /** Default 1. */
  cost?: number;
  /** For the audit entry of a block. */
  actor?: string;
  client?: Client;
  requestId?: string;
}

/** What is left of one policy for one subject; of several windows the tightest. */
export interface LimitState {
  policy: string;
  /** Uses allowed in the window. */
  limit: number;
  remaining: number;
  /** When the whole allowance is back, milliseconds since 1970. */
  resetAt: number;
  /** Length of the window that `limit` is of, milliseconds. */
  windowMs: number;
  /** Whether so much is used up that the caller is to be warned. */
  nearlyUsed: boolean;
}

export interface LimitDecision {
  /** `blocked`: by a timed block; `unavailable`: the counters cannot be reached and this policy fails closed. */
  outcome: 'allowed' | 'slowed' | 'refused' | 'blocked' | 'unavailable';
  /** Null where nothing is counted: no limit, a block, or counters that cannot be reached. */
  state: LimitState | null;
  /** How long to wait before the next try; 0 when this one was allowed. */
  retryAfterMs: number;
}

/** Counts uses against policies, wherever the counters are kept. Never from inside a transaction. */
export interface Limits {
  /** Counts one use; waits up to two seconds where the policy slows its subject down. @throws as `refuse` does */
  use(request: LimitRequest): Promise<LimitState>;
  /** The same, with the refusal as a value. */
  decide(request: LimitRequest): Promise<LimitDecision>;
  /** What is left, without counting; null where nothing is limited. */
  peek(request: LimitRequest): Promise<LimitState | null>;
  /** The state of a subject that has used nothing yet, without asking the counters. */
  untouched(policy: string): LimitState | null;
  /** The policies with this installation's numbers. */
  policies(): readonly LimitPolicy[];
  /** Forgets what a subject has used. */
  reset(request: Pick<LimitRequest, 'policy' | 'subject' | 'tenantId'>): Promise<void>;
  /** Overrides or blocks have changed: this server looks again at once, others within five seconds. */
  changed(): void;
  /** Forgets counters that no longer matter. @returns how many */
  purge(): Promise<number>;
  close(): Promise<void>;
}

/** Uses allowed per window, and how many of them at once; `{}` is no limit. */
export interface Allowance {
  minute?: number;
  hour?: number;
  day?: number;
  /** Uses at once; they come back one by one, at the rate of the shortest window. */
  burst?: number;
}

/** How a policy answers rising use. */
export interface LimitStages {
  /** Above its limit, up to this multiple of it, a use is delayed instead of refused; 1 delays nothing. */
  slowUpTo: number;
  /** So many refusals within ten minutes block the subject, for 5 minutes doubling to 24 hours; null never. */
  blockAfter: number | null;
}

/**
 * Whose uses a policy counts: `identity` is the key, user, guest or service that asks, `tenant_user` each
 * identity within its tenant, `email` and `ip_email` are given by the verb that counts.
 */
export type LimitSubject = 'ip' | 'identity' | 'tenant' | 'tenant_user' | 'email' | 'ip_email' | 'user';

export interface LimitPolicy {
  name: string;
  description: string;
  subject: LimitSubject;
  allowances: Readonly<Record<Tier, Allowance>>;
  /** Whether its uses are let through while the counters cannot be reached. */
  onFailure: 'open' | 'closed';
  stages: LimitStages;
  /** Policies counted along with this one. */
  also: readonly string[];
}

/** What a store is to hold a subject to. Times of stores are in whole microseconds. */
export interface LimitRules {
  /** Most uses in a minute, an hour, a day that begins with the first use; null for no such window. */
  windows: readonly [minute: number | null, hour: number | null, day: number | null];
  burst: { size: number; intervalUs: number } | null;
}

export interface LimitTake {
  policy: string;
  /** Unique within the policy. Stores outside this process keep only a digest. */
  subject: string;
  rules: LimitRules;
  /** 0 only looks. */
  cost: number;
}

export interface LimitCount {
  /** Whether the cost was taken. If not, nothing was. */
  taken: boolean;
  /** The store's own time. */
  nowUs: number;
  /** Afterwards, for minute, hour and day. A window that ended, or is not counted, has 0 and 0. */
  windows: readonly { endUs: number; used: number }[];
  /** When the whole burst is back (the theoretical arrival time of GCRA). */
  burstBackUs: number;
}

/** Where uses are counted. Each take is atomic, over all servers that share the store. */
export interface LimitStore {
  readonly engine: 'memory' | 'database' | 'redis';
  take(take: LimitTake): Promise<LimitCount>;
  forget(policy: string, subject: string): Promise<void>;
  /** Drops what has no effect any more. @returns how many */
  purge(): Promise<number>;
  close(): Promise<void>;
}
