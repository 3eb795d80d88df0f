import { DomainError } from '../errors.ts';
import type { LimitDecision, LimitState } from '../ports.ts';

/** A refusal by a limit; carries what the headers of the answer report. */
export class LimitExceeded extends DomainError {
  readonly state: LimitState | null;

  constructor(policy: string, { outcome, state, retryAfterMs }: LimitDecision) {
    const retryAfter = Math.max(1, Math.ceil(retryAfterMs / 1000));
    const until = outcome === 'blocked' && state !== null ? new Date(state.resetAt).toISOString() : undefined;
    super(
      'RATE_LIMIT',
      until === undefined ? messageOf(state) : `Blocked until ${until}: too many refused requests.`,
      {
        retryAfter,
        details: {
          policy,
          ...(state === null ? {} : { limit: state.limit, window_seconds: Math.ceil(state.windowMs / 1000) }),
          ...(until === undefined ? {} : { blocked_until: until }),
        },
        suggestion: `Wait ${retryAfter} s before the next request.`,
      },
    );
    this.state = state;
  }
}

function messageOf(state: LimitState | null): string | undefined {
  if (state === null) return undefined;
  return `Too many requests: ${state.limit} are allowed in ${Math.ceil(state.windowMs / 1000)} s.`;
}

/** The error a refused decision becomes. @param decision of outcome refused, blocked or unavailable */
export function refusalOf(policy: string, decision: LimitDecision): DomainError {
  if (decision.outcome !== 'unavailable') return new LimitExceeded(policy, decision);
  return new DomainError(
    'SERVICE_UNAVAILABLE',
    'Uses cannot be counted now, and this call is not let through uncounted.',
    {
      retryAfter: Math.max(1, Math.ceil(decision.retryAfterMs / 1000)),
      details: { policy },
    },
  );
}
