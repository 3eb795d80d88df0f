import { DomainError } from '../errors.ts';
import type { Db } from '../ports.ts';
import { insertBatch, type BatchRow } from './queries.ts';

export interface LaneResult {
  seq: number;
  duplicate: boolean;
  /** Milliseconds since 1970, or null for a duplicate. */
  at: number | null;
}

interface Waiting {
  row: BatchRow;
  resolve(result: LaneResult | null): void;
  reject(error: unknown): void;
}

const MAX_BATCH = 1000;
const MAX_BATCH_CHARS = 4 * 1024 * 1024;
const MAX_WAITING = 20_000;
const MAX_WAITING_CHARS = 64 * 1024 * 1024;
const MAX_ATTEMPTS = 5;

interface Lane {
  waiting: Waiting[];
  /** Length of the waiting data. */
  chars: number;
  busy: boolean;
}

/**
 * Group commit: what callers wait for while a lane's statement is in flight becomes its next one.
 * A session always uses the same lane, so its appends keep the order in which they were asked for.
 */
export class Lanes {
  readonly #db: Db;
  readonly #lanes: Lane[];

  constructor(db: Db, count: number) {
    this.#db = db;
    this.#lanes = Array.from({ length: count }, () => ({ waiting: [], chars: 0, busy: false }));
  }

  /** Resolves once durable; null when the log is unknown or the fence refused the write. */
  append(row: BatchRow): Promise<LaneResult | null> {
    const lane = this.#lanes[parseInt(row.sessionId.slice(-4), 16) % this.#lanes.length]!;
    if (lane.waiting.length >= MAX_WAITING || lane.chars >= MAX_WAITING_CHARS) {
      return Promise.reject(new DomainError('SERVICE_UNAVAILABLE', undefined, { retryAfter: 1 }));
    }
    return new Promise((resolve, reject) => {
      lane.waiting.push({ row, resolve, reject });
      lane.chars += row.data.length;
      if (!lane.busy) void this.#drain(lane);
    });
  }

  async #drain(lane: Lane): Promise<void> {
    lane.busy = true;
    // Callers of this tick join the first statement too.
    await Promise.resolve();
    while (lane.waiting.length > 0) await this.#flush(takeBatch(lane));
    lane.busy = false;
  }

  async #flush(batch: Waiting[]): Promise<void> {
    try {
      const answers = await this.#insert(batch);
      const byOrd = new Map(answers.map((answer) => [answer.ord, answer]));
      batch.forEach((waiting, index) => waiting.resolve(byOrd.get(index + 1) ?? null));
    } catch (error) {
      // Without a database no row can pass; trying each would hold up the lane for hours.
      if (batch.length === 1 || this.#db.isTransient(error))
        for (const waiting of batch) waiting.reject(error);
      else await this.#isolate(batch);
    }
  }

  /** One bad row, or one session that is locked, must not take the others with it. */
  async #isolate(batch: readonly Waiting[]): Promise<void> {
    const failed = new Map<string, unknown>();
    for (const waiting of batch) {
      const { tenantId, sessionId } = waiting.row;
      const key = `${tenantId}/${sessionId}`;
      if (failed.has(key)) {
        waiting.reject(failed.get(key));
        continue;
      }
      try {
        waiting.resolve((await this.#insert([waiting]))[0] ?? null);
      } catch (error) {
        failed.set(key, error);
        waiting.reject(error);
      }
    }
  }

  /** Every row carries its client_msg_id, so repeating an ambiguous statement writes nothing twice. */
  async #insert(batch: readonly Waiting[]): ReturnType<typeof insertBatch> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await insertBatch(
          this.#db,
          batch.map((waiting) => waiting.row),
        );
      } catch (error) {
        // A twin committed by another server meanwhile is a duplicate at the next look.
        const twin = batch.length === 1 && this.#db.isDuplicate(error);
        if (attempt === MAX_ATTEMPTS || !(twin || this.#db.isTransient(error))) throw error;
      }
    }
  }
}

/** A client_msg_id appears once per statement; its twin waits for the next, and is then a duplicate. */
function takeBatch(lane: Lane): Waiting[] {
  const batch: Waiting[] = [];
  const left: Waiting[] = [];
  const seen = new Set<string>();
  let chars = 0;
  for (const waiting of lane.waiting) {
    const { tenantId, sessionId, clientMsgId, data } = waiting.row;
    const key = `${tenantId}/${sessionId}/${clientMsgId}`;
    if (batch.length >= MAX_BATCH || chars >= MAX_BATCH_CHARS || seen.has(key)) left.push(waiting);
    else {
      seen.add(key);
      batch.push(waiting);
      chars += data.length;
    }
  }
  lane.waiting = left;
  lane.chars -= chars;
  return batch;
}
