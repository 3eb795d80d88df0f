import type { Services } from '../context.ts';
import type { Timer } from '../ports.ts';
import { updateKeysUsed, updateLoginsSeen } from './watch-queries.ts';

/** A credential's time of last use is at most this far behind, milliseconds. */
const PRECISION_MS = 60_000;
/** How long uses are collected before they are written in one statement. */
const COLLECT_MS = 1000;

interface Key {
  tenantId: string;
  id: string;
}

/**
 * Writes down when logins and API keys were last used: off the path of their requests, at most once a minute
 * each, and never failing one. What a crash or a busy database loses is written a little later.
 */
export class Sightings {
  readonly #services: Pick<Services, 'db' | 'clock' | 'logger'>;
  #logins = new Set<string>();
  #keys = new Map<string, Key>();
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(services: Pick<Services, 'db' | 'clock' | 'logger'>) {
    this.#services = services;
  }

  /** @param lastSeenAt as its row has it */
  noteLogin(id: string, lastSeenAt: Date): void {
    if (!this.#isStale(lastSeenAt)) return;
    this.#logins.add(id);
    this.#schedule();
  }

  noteKey(key: Key, lastUsedAt: Date | null): void {
    if (!this.#isStale(lastUsedAt)) return;
    this.#keys.set(key.id, key);
    this.#schedule();
  }

  /** Writes what was collected. */
  async flush(): Promise<void> {
    const { db, clock, logger } = this.#services;
    const [logins, keys] = [[...this.#logins], [...this.#keys.values()]];
    this.#logins = new Set();
    this.#keys = new Map();
    const now = clock.now();
    const times = { now: new Date(now), stale: new Date(now - PRECISION_MS) };
    try {
      if (logins.length > 0) await updateLoginsSeen(db, logins, times);
      if (keys.length > 0) await updateKeysUsed(db, keys, times);
    } catch (err) {
      logger.warn({ err }, 'times of last use could not be written; the next use will try again');
    }
  }

  /** Writes the rest, once what is being written is. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#writing;
    await this.flush();
  }

  #isStale(last: Date | null): boolean {
    return last === null || this.#services.clock.now() - last.getTime() >= PRECISION_MS;
  }

  #schedule(): void {
    this.#timer ??= this.#services.clock.after(COLLECT_MS, () => {
      this.#timer = null;
      this.#writing = this.flush();
    });
  }
}
