import type { Config } from './config.ts';
import type { Services } from './core/context.ts';
import { Limiter, LIMITS_OFF, policiesWith } from './core/limit/index.ts';
import type { Limits, LimitStore } from './core/ports.ts';
import { createDatabaseStore, createMemoryStore, createRedisStore } from './infra/limit/index.ts';
import type { Metrics } from './infra/observability/metrics.ts';

type Parts = Pick<Services, 'db' | 'bus' | 'clock' | 'logger'>;

/** The limiter that the configuration asks for. */
export async function openLimits(config: Config, parts: Parts, metrics: Metrics): Promise<Limits> {
  const { numbers } = config.limit;
  if (numbers === null) {
    parts.logger.warn({}, 'nothing is limited: RATE_LIMITS is off');
    return LIMITS_OFF;
  }
  const decisions = metrics.counter('holdfast_limit_decisions_total', 'Uses counted against rate limits.', [
    'policy',
    'outcome',
  ]);
  const failures = metrics.counter(
    'holdfast_limit_store_failures_total',
    'Questions about rate limits that the store did not answer in time.',
    ['engine'],
  );
  const store = await openStore(config, parts);
  return new Limiter({
    ...parts,
    store,
    fallback: createMemoryStore(parts),
    policies: policiesWith(numbers),
    onDecision: (policy, outcome) => decisions.inc([policy, outcome]),
    onFailure: () => failures.inc([store.engine]),
  });
}

/** The embedded database has one server, which counts by itself most cheaply. */
async function openStore({ limit, redis }: Config, { db, clock }: Parts): Promise<LimitStore> {
  const own = db.engine === 'pglite' ? 'memory' : 'database';
  const engine = limit.engine === 'auto' ? (redis.url === undefined ? own : 'redis') : limit.engine;
  if (engine === 'redis') return createRedisStore({ url: redis.url! });
  return engine === 'database' ? createDatabaseStore({ db }) : createMemoryStore({ clock });
}
