import type { Services } from '../context.ts';
import type { Timer } from '../ports.ts';
import { addUsage, type UsageRow } from './queries.ts';

/** One answered request of somebody known. */
export interface Use {
  tenantId: string;
  version: string;
  /** Method and route template: `GET /api/v1/agents`. */
  route: string;
  principal: string;
}

const FLUSH_MS = 3000;
/** Different lines kept in memory before they are written early. */
const MAX_LINES = 5000;
/** Lines kept at all while the database cannot take them. */
const MAX_KEPT = 50_000;

/**
 * Counts requests in memory and adds them to the day's rows every few seconds, in one statement.
 * What a killed server had not written is lost: these are statistics.
 */
export class UsageCounter {
  readonly #services: Pick<Services, 'db' | 'clock' | 'logger'>;
  #counts = new Map<string, UsageRow>();
  #flushing: Promise<void> | null = null;
  #timer: Timer | null = null;

  constructor(services: Pick<Services, 'db' | 'clock' | 'logger'>) {
    this.#services = services;
  }

  start(): void {
    this.#timer ??= this.#services.clock.every(FLUSH_MS, () => void this.flush());
  }

  count({ tenantId, version, route, principal }: Use): void {
    const day = new Date(this.#services.clock.now()).toISOString().slice(0, 10);
    this.#add({ tenantId, day, version, route, principal, count: 1 });
    if (this.#counts.size === MAX_LINES) void this.flush();
  }

  /** Resolves when everything counted so far is written or, if the database failed, kept for later. */
  async flush(): Promise<void> {
    while (this.#flushing !== null) await this.#flushing;
    if (this.#counts.size === 0) return;
    const rows = [...this.#counts.values()];
    this.#counts = new Map();
    this.#flushing = this.#write(rows);
    try {
      await this.#flushing;
    } finally {
      this.#flushing = null;
    }
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    await this.flush();
  }

  async #write(rows: UsageRow[]): Promise<void> {
    try {
      await addUsage(this.#services.db, rows);
    } catch (err) {
      this.#services.logger.warn({ err, lines: rows.length }, 'API usage could not be written; kept');
      for (const row of rows) this.#add(row);
    }
  }

  #add(row: UsageRow): void {
    const { tenantId, day, version, route, principal, count } = row;
    const key = `${tenantId} ${day} ${version} ${route} ${principal}`;
    const known = this.#counts.get(key);
    if (known !== undefined) known.count += count;
    else if (this.#counts.size < MAX_KEPT) this.#counts.set(key, { ...row });
  }
}
