import type { LimitDecision } from '../ports.ts';
import type { Compiled } from './compiler.ts';

/** The decision about a subject under a timed block, for which nothing is counted. Milliseconds. */
export function blockedFor(
  policy: string,
  compiled: Compiled | null,
  { now, blockedMs }: { now: number; blockedMs: number },
): LimitDecision {
  const limit = compiled?.rules.windows.find((each) => each !== null) ?? 0;
  const resetAt = now + Math.ceil(blockedMs);
  const state = { policy, limit, remaining: 0, resetAt, windowMs: blockedMs, nearlyUsed: true };
  return { outcome: 'blocked', state, retryAfterMs: blockedMs };
}
