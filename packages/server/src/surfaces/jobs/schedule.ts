import type { Services } from '../../core/context.ts';
import { databaseStartedAt, detectStalled } from '../../core/lease/index.ts';
import { purgeIdempotencyKeys } from '../../core/once/index.ts';
import type { Timer } from '../../core/ports.ts';
import { expireWaits } from '../../core/run/index.ts';

const EXPIRE_INTERVAL_MS = 1000;
const PURGE_INTERVAL_MS = 3_600_000;

export interface Schedule {
  start(): void;
  stop(): void;
}

/**
 * Looks for dead holders. Silence proves nothing while holders could not be heard: after a gap in this
 * server's own ticks, and after a restart of the database, they get one TTL to speak up again.
 */
class StallScan {
  readonly #services: Services;
  readonly #intervalMs: number;
  #lastTick: number | null = null;
  #graceUntil: number;
  #databaseStart: string | null = null;

  constructor(services: Services, intervalMs: number) {
    this.#services = services;
    this.#intervalMs = intervalMs;
    this.#graceUntil = services.clock.monotonic() + services.settings.leaseTtlMs;
  }

  async tick(): Promise<void> {
    const { clock, settings } = this.#services;
    const now = clock.monotonic();
    const gap = this.#lastTick !== null && now - this.#lastTick > this.#intervalMs * 3;
    const started = await databaseStartedAt(this.#services);
    const restarted = this.#databaseStart !== null && started !== this.#databaseStart;
    this.#databaseStart = started;
    this.#lastTick = now;
    if (gap || restarted) this.#graceUntil = now + settings.leaseTtlMs;
    if (restarted) return;
    const stalled = await detectStalled(this.#services, now >= this.#graceUntil);
    if (stalled > 0) this.#services.logger.warn({ stalled }, 'sessions stalled: their holders are silent');
  }
}

/** What happens by itself: stalled sessions are found, waits expire, old idempotency keys go. */
export function createSchedule(services: Services, stallScanMs: number): Schedule {
  const scan = new StallScan(services, stallScanMs);
  const jobs: { name: string; everyMs: number; run(): Promise<unknown> }[] = [
    { name: 'stall scan', everyMs: stallScanMs, run: () => scan.tick() },
    { name: 'expire waits', everyMs: EXPIRE_INTERVAL_MS, run: () => expireWaits(services) },
    { name: 'purge idempotency keys', everyMs: PURGE_INTERVAL_MS, run: () => purgeIdempotencyKeys(services) },
  ];
  const timers: Timer[] = [];
  return {
    start() {
      for (const { name, everyMs, run } of jobs) {
        let busy = false;
        const tick = async () => {
          if (busy) return;
          busy = true;
          await run().catch((err: unknown) =>
            services.logger.error({ err }, `${name} failed; it will run again`),
          );
          busy = false;
        };
        timers.push(services.clock.every(everyMs, () => void tick()));
        void tick();
      }
    },
    stop() {
      for (const timer of timers.splice(0)) timer.cancel();
    },
  };
}
