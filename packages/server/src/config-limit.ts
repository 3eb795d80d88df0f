import { z } from 'zod';
import { choice, integer, type Doc } from './config-field.ts';
import { limitNumbersSchema, type LimitNumbers } from './core/limit/index.ts';
import { parseNetworks } from './surfaces/shared/client-address.ts';

const FLEET_PER_MINUTE = 100;

const limits = (description: string): Doc => ({ group: 'Rate limits', description });

function readNumbers(value: string, ctx: z.RefinementCtx): unknown {
  if (value === 'off') return value;
  try {
    return JSON.parse(value);
  } catch {
    ctx.addIssue({ code: 'custom', message: 'not JSON' });
    return z.NEVER;
  }
}

function areNetworks(list: readonly string[]): boolean {
  try {
    return parseNetworks(list).length > 0;
  } catch {
    return false;
  }
}

/** How much is let through, who counts it, and who says where requests come from. */
export const LIMIT_VARIABLES = {
  RATE_LIMITS: z
    .string()
    .transform(readNumbers)
    .pipe(z.union([z.literal('off'), limitNumbersSchema]))
    .default({})
    .meta({
      ...limits(
        'Numbers other than the defaults, by policy (docs/guides/rate-limits.md); off counts nothing.',
      ),
      rule: 'off, or a JSON object of policy (* for all others) to {"minute"?, "hour"?, "day"?, "burst"?}, or such by tier (free, pro, enterprise) with "stages"?',
      default: '{}',
    }),
  RATE_LIMIT_PER_MINUTE: integer(
    1,
    1_000_000_000,
    FLEET_PER_MINUTE,
    limits('Requests of one key of the fleet API in a minute.'),
  ),
  LIMIT_ENGINE: choice(
    ['auto', 'memory', 'database', 'redis'],
    'auto',
    limits('Where uses are counted; auto: Redis if there is one, else PostgreSQL, else this process.'),
  ),
  TRUSTED_PROXIES: z
    .string()
    .transform((value) => value.split(',').map((network) => network.trim()))
    .refine(areNetworks)
    .default([])
    .meta({
      ...limits('Proxies before this server, whose X-Forwarded-For says where a request comes from.'),
      rule: 'a comma-separated list of IP addresses and networks such as 10.0.0.0/8',
      default: '',
    }),
} as const;

interface LimitVariables {
  RATE_LIMITS: 'off' | LimitNumbers;
  RATE_LIMIT_PER_MINUTE: number;
  LIMIT_ENGINE: 'auto' | 'memory' | 'database' | 'redis';
  TRUSTED_PROXIES: string[];
}

export function toLimitConfig(v: LimitVariables) {
  return {
    /** Null where nothing is to be counted. */
    numbers: v.RATE_LIMITS === 'off' ? null : withFleet(v.RATE_LIMITS, v.RATE_LIMIT_PER_MINUTE),
    engine: v.LIMIT_ENGINE,
    trustedProxies: v.TRUSTED_PROXIES,
  };
}

/** Numbers for `*` hold for the fleet too, unless it was given one of its own. */
function withFleet(numbers: LimitNumbers, perMinute: number): LimitNumbers {
  const isDefault = perMinute === FLEET_PER_MINUTE;
  return isDefault && '*' in numbers ? numbers : { fleet: { minute: perMinute }, ...numbers };
}

/** Redis must be there to be counted in. */
export function checkLimitVariables(
  values: Partial<LimitVariables>,
  needs: (variable: 'REDIS_URL', rule: string) => void,
): void {
  if (values.LIMIT_ENGINE === 'redis') needs('REDIS_URL', 'is required when LIMIT_ENGINE is redis.');
}
