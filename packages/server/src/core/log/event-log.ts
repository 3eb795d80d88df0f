import { randomUUID } from 'node:crypto';
import {
  EVENT_SCHEMAS,
  MAX_EVENT_BYTES,
  messageDeltaSchema,
  type EventData,
  type ServerEventType,
} from '@holdfast/protocol';
import { DomainError, invalid, notFound } from '../errors.ts';
import type { Bus, Clock, Db, Logger, Tx } from '../ports.ts';
import { checkCursor } from './cursor.ts';
import { Frame } from './frame.ts';
import { LogHub } from './hub.ts';
import { Lanes } from './lanes.ts';
import { insertEvents, selectEvents, selectHead, type NewRow } from './queries.ts';
import type { Appended, HolderEvent, LogHead, LogTarget, ServerEvent } from './types.ts';

const READ_BYTES = 4 * 1024 * 1024;

export interface EventLogOptions {
  db: Db;
  bus: Bus;
  clock: Clock;
  logger: Logger;
  /** Milliseconds between two looks at the database for hints that were lost. */
  pollIntervalMs?: number;
}

/** The append-only, numbered logs of all sessions: write, read, follow. */
export class EventLog {
  readonly hub: LogHub;
  readonly #db: Db;
  readonly #lanes: Lanes;

  constructor(options: EventLogOptions) {
    this.#db = options.db;
    this.#lanes = new Lanes(options.db, options.db.engine === 'pglite' ? 1 : 2);
    this.hub = new LogHub(options);
  }

  /**
   * Appends within a transaction; followers hear of it after the commit. Sent at once, or thrown at once.
   * @returns the sequence numbers, in the order of `events`
   * @throws notFound for an unknown log; a plain Error for data that breaks its own schema
   */
  appendTx(tx: Tx, target: LogTarget, events: readonly ServerEvent[]): Promise<number[]> {
    const rows = events.map((event) => ({
      type: event.type,
      actor: event.actor,
      clientMsgId: event.clientMsgId ?? randomUUID(),
      data: encodeServerData(event.type, event.data),
    }));
    return this.#insert(tx, target, rows);
  }

  async #insert(tx: Tx, target: LogTarget, rows: readonly NewRow[]): Promise<number[]> {
    const inserted = await insertEvents(tx, target, rows);
    if (inserted.length !== rows.length) throw notFound('Session');
    tx.afterCommit(() => {
      const frames = inserted.map(
        ({ seq, at }, index) =>
          new Frame(target.sessionId, { ...rows[index]!, seq, at, client_msg_id: rows[index]!.clientMsgId }),
      );
      this.hub.announce(target, frames);
    });
    return inserted.map((row) => row.seq);
  }

  /**
   * Appends a holder's own event, fenced by its lease epoch, by group commit.
   * @throws LEASE_LOST when the lease is held under another epoch or not live; notFound
   */
  async append(target: LogTarget, event: HolderEvent, epoch: number): Promise<Appended> {
    this.#db.refuseInside('An append by group commit');
    const row = {
      tenantId: target.tenantId,
      sessionId: target.sessionId,
      type: event.type,
      actor: event.actor,
      clientMsgId: event.clientMsgId ?? randomUUID(),
      data: encodeData(event.data),
      epoch,
    };
    const result = await this.#lanes.append(row);
    if (result === null) {
      if ((await selectHead(this.#db, target)) === null) throw notFound('Session');
      throw new DomainError('LEASE_LOST');
    }
    if (result.at === null) {
      // Its first sending may have been committed by a server that died before it could tell.
      this.hub.hint(target, result.seq);
    } else {
      const { type, actor, data, clientMsgId } = row;
      const { seq, at } = result;
      this.hub.announce(target, [
        new Frame(target.sessionId, { seq, at, type, actor, data, client_msg_id: clientMsgId }),
      ]);
    }
    return { seq: result.seq, duplicate: result.duplicate };
  }

  /** Broadcasts without storing: whoever is not listening now never sees it. */
  broadcast(target: LogTarget, type: string, data: unknown): void {
    const delta = type === 'message.delta' ? messageDeltaSchema.parse(data) : null;
    this.hub.broadcast(target, type, data, delta);
  }

  /**
   * @returns up to `limit` events after `after` (fewer where they are large, at least one unless
   * `after` is the end), and where the log ended just before
   * @throws notFound, CURSOR_AHEAD, CURSOR_GONE
   */
  async read(target: LogTarget, after: number, limit: number): Promise<{ head: LogHead; frames: Frame[] }> {
    const head = await this.head(target);
    checkCursor(head, after);
    const rows = await selectEvents(this.#db, target, after, limit, READ_BYTES);
    return { head, frames: rows.map((row) => new Frame(target.sessionId, row)) };
  }

  async head(target: LogTarget): Promise<LogHead> {
    const row = await selectHead(this.#db, target);
    if (row === null) throw notFound('Session');
    return { epoch: row.epoch, lastSeq: row.last_seq, minSeq: row.min_seq };
  }

  close(): void {
    this.hub.close();
  }
}

function encodeServerData<T extends ServerEventType>(type: T, data: EventData<T>): string {
  const checked = EVENT_SCHEMAS[type].safeParse(data);
  if (!checked.success) throw new Error(`Event ${type} breaks its schema: ${checked.error.message}`);
  return JSON.stringify(checked.data);
}

function encodeData(data: Record<string, unknown>): string {
  const text = JSON.stringify(data);
  if (Buffer.byteLength(text) > MAX_EVENT_BYTES) {
    throw invalid('data', `must be at most ${MAX_EVENT_BYTES} bytes of JSON`);
  }
  return text;
}
