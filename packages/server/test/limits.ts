import type { Services } from '../src/core/context.ts';
import { Limiter, policiesWith, type LimitNumbers, type LimitsOptions } from '../src/core/limit/index.ts';
import type { Limits } from '../src/core/ports.ts';
import { createMemoryStore } from '../src/infra/limit/index.ts';

/** So much that no test meets it by accident. */
export const GENEROUS: LimitNumbers = { '*': { minute: 1_000_000 } };

type Parts = Pick<Services, 'db' | 'bus' | 'clock' | 'logger'>;

/**
 * The real limiter, counting in memory unless told otherwise.
 * @param numbers `{}` for those of a new installation
 */
export function testLimits(
  parts: Parts,
  numbers: LimitNumbers = GENEROUS,
  more: Partial<LimitsOptions> = {},
): Limits {
  return new Limiter({
    ...parts,
    store: createMemoryStore(parts),
    fallback: createMemoryStore(parts),
    policies: policiesWith(numbers),
    ...more,
  });
}
