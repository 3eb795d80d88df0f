import type { LimitCount, LimitRules } from '../../core/ports.ts';

/** Microseconds of a minute, an hour and a day. */
export const WINDOW_US = [60_000_000, 3_600_000_000, 86_400_000_000] as const;

/** What is kept of one subject under one policy. Times are whole microseconds, so that sums are exact. */
export interface Meter {
  /** When the burst is whole again: the theoretical arrival time of GCRA. */
  burstBackUs: number;
  /** The interval it was counted in: another rate later rescales what is still owed. */
  intervalUs: number;
  windows: { endUs: number; used: number }[];
}

export const EMPTY: Meter = {
  burstBackUs: 0,
  intervalUs: 0,
  windows: WINDOW_US.map(() => ({ endUs: 0, used: 0 })),
};

/**
 * One decision, as the memory store makes it. The SQL of the database store and the script of the
 * Redis store do the same arithmetic in the same order; the contract suite compares all three.
 */
export function takeFrom(
  meter: Meter,
  rules: LimitRules,
  cost: number,
  nowUs: number,
): { meter: Meter; count: LimitCount } {
  const { burst } = rules;
  const intervalUs = burst?.intervalUs ?? 0;
  const owedUs = Math.max(0, meter.burstBackUs - nowUs);
  const scaledUs =
    meter.intervalUs === intervalUs || meter.intervalUs === 0
      ? owedUs
      : Math.floor((owedUs * intervalUs) / meter.intervalUs);
  const nextUs = scaledUs + cost * intervalUs;
  const open = meter.windows.map(({ endUs, used }) =>
    endUs > nowUs ? { endUs, used } : { endUs: 0, used: 0 },
  );
  const taken =
    (burst === null || nextUs <= burst.size * intervalUs) &&
    rules.windows.every((limit, index) => limit === null || open[index]!.used + cost <= limit);
  const windows = !taken
    ? open
    : rules.windows.map((limit, index) => {
        const { endUs, used } = open[index]!;
        if (limit === null || cost === 0) return { endUs, used };
        return { endUs: endUs === 0 ? nowUs + WINDOW_US[index]! : endUs, used: used + cost };
      });
  const after = { burstBackUs: nowUs + (taken ? nextUs : scaledUs), intervalUs, windows };
  return { meter: after, count: { taken, nowUs, windows, burstBackUs: after.burstBackUs } };
}

/** From when on the meter says the same as none. */
export function endOf({ burstBackUs, windows }: Meter): number {
  return Math.max(burstBackUs, ...windows.map(({ endUs }) => endUs));
}
