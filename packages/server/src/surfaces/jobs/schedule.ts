import { purgeLinks } from '../../core/account/index.ts';
import { purgeApiUsage } from '../../core/api-usage/index.ts';
import type { Services } from '../../core/context.ts';
import { purgeGuests } from '../../core/guest/index.ts';
import { purgeLogins } from '../../core/identity/index.ts';
import { databaseStartedAt, detectStalled } from '../../core/lease/index.ts';
import { purgeLimits } from '../../core/limit/index.ts';
import { purgeIdempotencyKeys } from '../../core/once/index.ts';
import type { Timer } from '../../core/ports.ts';
import { expireWaits } from '../../core/run/index.ts';
import { purgeSignatures } from '../../core/signed-service/index.ts';
import { purgeChallenges } from '../../core/two-factor/index.ts';
import { announceExpiry, continueRewrap } from '../../features/secret/index.ts';

const EXPIRE_INTERVAL_MS = 1000;
const PURGE_INTERVAL_MS = 3_600_000;
const GUEST_INTERVAL_MS = 900_000;
const LIMIT_INTERVAL_MS = 900_000;
const EXPIRY_INTERVAL_MS = 3_600_000;
const REWRAP_INTERVAL_MS = 5000;

/** Runs at the start and then every so often; never twice at once. */
export interface Job {
  name: string;
  everyMs: number;
  run(): Promise<unknown>;
}

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
export function createSchedule(services: Services, stallScanMs: number, more: readonly Job[] = []): Schedule {
  const scan = new StallScan(services, stallScanMs);
  const jobs: Job[] = [
    { name: 'stall scan', everyMs: stallScanMs, run: () => scan.tick() },
    { name: 'expire waits', everyMs: EXPIRE_INTERVAL_MS, run: () => expireWaits(services) },
    { name: 'purge logins', everyMs: PURGE_INTERVAL_MS, run: () => purgeLogins(services) },
    { name: 'purge mailed links', everyMs: PURGE_INTERVAL_MS, run: () => purgeLinks(services) },
    { name: 'purge second steps', everyMs: PURGE_INTERVAL_MS, run: () => purgeChallenges(services) },
    { name: 'purge API usage', everyMs: PURGE_INTERVAL_MS, run: () => purgeApiUsage(services) },
    { name: 'purge seen signatures', everyMs: PURGE_INTERVAL_MS, run: () => purgeSignatures(services) },
    { name: 'purge guest sessions', everyMs: GUEST_INTERVAL_MS, run: () => purgeGuests(services) },
    { name: 'purge idempotency keys', everyMs: PURGE_INTERVAL_MS, run: () => purgeIdempotencyKeys(services) },
    { name: 'purge rate limits', everyMs: LIMIT_INTERVAL_MS, run: () => purgeLimits(services) },
    { name: 'secret expiry', everyMs: EXPIRY_INTERVAL_MS, run: () => announceExpiry(services) },
    { name: 'secret re-wrap', everyMs: REWRAP_INTERVAL_MS, run: () => continueRewrap(services) },
    ...more,
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
