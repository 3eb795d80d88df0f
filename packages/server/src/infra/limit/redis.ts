import { createHash } from 'node:crypto';
import type { Redis, RedisOptions } from 'ioredis';
import type { LimitCount, LimitStore } from '../../core/ports.ts';
import { digestSubject } from './digest.ts';
import { TAKE_SCRIPT } from './redis-script.ts';

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`. */
  url: string;
  /** First part of every key, so that several deployments can share one Redis. */
  prefix?: string;
  /** Microseconds since 1970, for tests; the clock of Redis otherwise. */
  nowUs?: () => number;
}

const MAX_BACKOFF_MS = 1000;
const CONNECT_MS = 2000;
/** Longer than the limiter waits for an answer: what comes later than this is of use to nobody. */
const ANSWER_MS = 1000;
const SHA = createHash('sha1').update(TAKE_SCRIPT).digest('hex');

/** Counts in Redis: exact over all servers, one script call for each decision. Keys end by themselves. */
export async function createRedisStore({ url, prefix, nowUs }: RedisStoreOptions): Promise<LimitStore> {
  // Loaded only where it is configured: it costs memory and start-up time.
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
    commandTimeout: ANSWER_MS,
    retryStrategy: (times) => Math.min(MAX_BACKOFF_MS, 50 * 2 ** Math.min(times, 10)),
  } satisfies RedisOptions);
  // Each take that fails says so itself.
  redis.on('error', () => {});
  await redis.connect().catch(() => {});
  const keyOf = (policy: string, subject: string): string =>
    `${prefix ?? 'holdfast'}:limit:${digestSubject(policy, subject)}`;
  return {
    engine: 'redis',
    async take({ policy, subject, rules, cost }) {
      const { burst, windows } = rules;
      const limits = windows.map((limit) => limit ?? -1);
      const rate = [burst?.size ?? -1, burst?.intervalUs ?? 0];
      return toCount(await run(redis, [keyOf(policy, subject), cost, ...rate, ...limits, nowUs?.() ?? '']));
    },
    async forget(policy, subject) {
      await redis.del(keyOf(policy, subject));
    },
    purge: async () => 0,
    async close() {
      await redis.quit().catch(() => {});
      redis.disconnect();
    },
  };
}

/** A Redis that was restarted does not know the script any more. */
async function run(redis: Redis, args: (string | number)[]): Promise<number[]> {
  try {
    return (await redis.evalsha(SHA, 1, ...args)) as number[];
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return (await redis.eval(TAKE_SCRIPT, 1, ...args)) as number[];
  }
}

function toCount(reply: number[]): LimitCount {
  const [taken, nowUs, burstBackUs, ...windows] = reply as [number, number, number, ...number[]];
  return {
    taken: taken === 1,
    nowUs,
    windows: [0, 2, 4].map((at) => ({ endUs: windows[at]!, used: windows[at + 1]! })),
    burstBackUs,
  };
}
