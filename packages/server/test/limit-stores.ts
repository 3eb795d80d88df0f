import { randomUUID } from 'node:crypto';
import type { LimitStore } from '../src/core/ports.ts';
import { createDatabaseStore, createMemoryStore, createRedisStore } from '../src/infra/limit/index.ts';
import { ENGINES, openHarness } from './harness.ts';

/** Time that stands still until it is moved. */
export class StoreTime {
  us = Date.UTC(2030, 0, 1) * 1000;
  readonly now = (): number => this.us;
}

export interface StoreEngine {
  name: string;
  /** @param time left out, the store keeps its own */
  open(time?: StoreTime): Promise<LimitStore>;
}

const REDIS_URL = process.env['TEST_REDIS_URL'];

/** Every engine this machine can test. Stores opened by one engine object share what they count. */
export function storeEngines(): StoreEngine[] {
  const prefix = `test-${randomUUID()}`;
  const databases = ENGINES.map((engine) => ({
    name: `database (${engine})`,
    open: async (time?: StoreTime) => {
      const { db } = await openHarness({ engine });
      return createDatabaseStore({ db, nowUs: time?.now });
    },
  }));
  const memory = {
    name: 'memory',
    open: async (time?: StoreTime) => {
      const monotonic = () => (time === undefined ? performance.now() : time.us / 1000);
      return createMemoryStore({ clock: { monotonic } });
    },
  };
  const redis = {
    name: 'redis',
    open: (time?: StoreTime) => createRedisStore({ url: REDIS_URL!, prefix, nowUs: time?.now }),
  };
  return [memory, ...databases, ...(REDIS_URL === undefined ? [] : [redis])];
}
