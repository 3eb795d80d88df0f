import type { Allowance, LimitCount, LimitRules, LimitState } from '../ports.ts';

const US_PER_MS = 1000;
export const WINDOWS = ['minute', 'hour', 'day'] as const;
export const WINDOW_MS = [60_000, 3_600_000, 86_400_000] as const;

/** From this share of the limit on, the caller is warned. */
const WARN_AT = 0.8;
const LONGEST_DELAY_MS = 2000;

/** Null for an allowance without any limit. @param slowUpTo multiple of the limit that is let through */
export function rulesOf(allowance: Allowance, slowUpTo = 1): LimitRules | null {
  const windows = WINDOWS.map((name) => stretched(allowance[name], slowUpTo));
  if (windows.every((limit) => limit === null)) return null;
  const shortest = WINDOWS.findIndex((name) => allowance[name] !== undefined);
  const perWindow = allowance[WINDOWS[shortest]!]!;
  const size = stretched(allowance.burst, slowUpTo);
  return {
    windows: windows as unknown as LimitRules['windows'],
    burst:
      size === null ? null : { size, intervalUs: Math.ceil((WINDOW_MS[shortest]! * US_PER_MS) / perWindow) },
  };
}

function stretched(limit: number | undefined, slowUpTo: number): number | null {
  return limit === undefined ? null : Math.floor(limit * slowUpTo);
}

/** One window or the burst, as far as the allowance itself goes. */
interface Gauge {
  limit: number;
  used: number;
  windowMs: number;
  /** From the store's now on, microseconds. */
  backInUs: number;
}

function gaugesOf(count: LimitCount, rules: LimitRules): Gauge[] {
  const gauges: Gauge[] = [];
  rules.windows.forEach((limit, index) => {
    if (limit === null) return;
    const { endUs, used } = count.windows[index]!;
    const windowMs = WINDOW_MS[index]!;
    const backInUs = endUs > count.nowUs ? endUs - count.nowUs : windowMs * US_PER_MS;
    gauges.push({ limit, used: endUs > count.nowUs ? used : 0, windowMs, backInUs });
  });
  if (rules.burst !== null) {
    const { size, intervalUs } = rules.burst;
    const backInUs = Math.max(0, count.burstBackUs - count.nowUs);
    const windowMs = Math.ceil((size * intervalUs) / US_PER_MS);
    gauges.push({ limit: size, used: Math.ceil(backInUs / intervalUs), windowMs, backInUs });
  }
  return gauges;
}

const left = ({ limit, used }: Gauge): number => Math.max(0, limit - used);

/** Of several windows the one with the fewest uses left; of equals the one that takes longer to come back. */
function tightest(gauges: readonly Gauge[]): Gauge {
  return gauges.reduce((a, b) =>
    left(b) < left(a) || (left(b) === left(a) && b.backInUs > a.backInUs) ? b : a,
  );
}

/** @param now milliseconds since 1970 */
export function stateOf(policy: string, count: LimitCount, rules: LimitRules, now: number): LimitState {
  const gauges = gaugesOf(count, rules);
  const gauge = tightest(gauges);
  return {
    policy,
    limit: gauge.limit,
    remaining: left(gauge),
    resetAt: now + Math.ceil(gauge.backInUs / US_PER_MS),
    windowMs: gauge.windowMs,
    nearlyUsed: gauges.some(({ used, limit }) => used >= limit * WARN_AT),
  };
}

/** How long a use above the limit is held up: the longer, the nearer it is to being refused. */
export function delayOf(count: LimitCount, rules: LimitRules, slowUpTo: number): number {
  const shares = gaugesOf(count, rules).map(
    ({ used, limit }) => (used - limit) / Math.max(1, Math.floor(limit * slowUpTo) - limit),
  );
  return Math.ceil(LONGEST_DELAY_MS * Math.min(1, Math.max(0, ...shares)));
}

/** When the refused cost would be taken, if nothing else is used until then. @param enforced as the store has them */
export function retryAfterOf(count: LimitCount, enforced: LimitRules, cost: number): number {
  const waits = enforced.windows.map((limit, index) => {
    const { endUs, used } = count.windows[index]!;
    const open = endUs > count.nowUs;
    if (limit === null || (open ? used : 0) + cost <= limit) return 0;
    return open ? endUs - count.nowUs : WINDOW_MS[index]! * US_PER_MS;
  });
  if (enforced.burst !== null) {
    const { size, intervalUs } = enforced.burst;
    waits.push(Math.max(count.burstBackUs, count.nowUs) - count.nowUs + (cost - size) * intervalUs);
  }
  return Math.max(1, Math.ceil(Math.max(...waits) / US_PER_MS));
}

/** How much would have been taken instead of what was refused. @param enforced as the store has them */
export function roomOf(count: LimitCount, enforced: LimitRules): number {
  return Math.min(...gaugesOf(count, enforced).map(left));
}

/** Of a subject that the store has not seen. */
export const NOTHING_USED: LimitCount = {
  taken: true,
  nowUs: 0,
  windows: WINDOWS.map(() => ({ endUs: 0, used: 0 })),
  burstBackUs: 0,
};

/** For who asks for numbers where nothing is limited. */
export function unlimitedState(policy: string): LimitState {
  const uses = Number.MAX_SAFE_INTEGER;
  return { policy, limit: uses, remaining: uses, resetAt: 0, windowMs: 0, nearlyUsed: false };
}
