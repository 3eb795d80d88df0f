import type { Clock, LimitStore } from '../../core/ports.ts';
import { EMPTY, endOf, takeFrom, type Meter } from './meter.ts';

export interface MemoryStoreOptions {
  clock: Pick<Clock, 'monotonic'>;
  /** Subjects kept per policy; beyond it the one unused for longest is forgotten. Default 50,000. */
  maxSubjects?: number;
}

/**
 * Counts in this process, by the monotonic clock. Exact for one server; several each allow the whole limit.
 * Each policy has its own room, so that a flood on one cannot push out the counters of another.
 */
export function createMemoryStore({ clock, maxSubjects = 50_000 }: MemoryStoreOptions): LimitStore {
  const policies = new Map<string, Map<string, Meter>>();
  const metersOf = (policy: string): Map<string, Meter> => {
    const meters = policies.get(policy) ?? new Map<string, Meter>();
    policies.set(policy, meters);
    return meters;
  };
  const nowUs = (): number => Math.floor(clock.monotonic() * 1000);
  return {
    engine: 'memory',
    async take({ policy, subject, rules, cost }) {
      const meters = metersOf(policy);
      const { meter, count } = takeFrom(meters.get(subject) ?? EMPTY, rules, cost, nowUs());
      // Put at the end again: the order of the map is the order of use.
      meters.delete(subject);
      meters.set(subject, meter);
      if (meters.size > maxSubjects) meters.delete(meters.keys().next().value!);
      return count;
    },
    async forget(policy, subject) {
      policies.get(policy)?.delete(subject);
    },
    async purge() {
      let purged = 0;
      for (const meters of policies.values()) {
        for (const [subject, meter] of meters) {
          if (endOf(meter) <= nowUs() && meters.delete(subject)) purged += 1;
        }
      }
      return purged;
    },
    close: async () => policies.clear(),
  };
}
