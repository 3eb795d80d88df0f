import type { CloseReason } from '@holdfast/protocol';
import type { Db } from '../ports.ts';
import { Frame, type EphemeralFrame, type EventRow } from './frame.ts';
import type { Said } from './partial.ts';
import { selectEvents } from './queries.ts';
import type { Tail } from './tail.ts';
import type { Follower, Sink } from './types.ts';

const FIRST_PAGE = 100;
const MAX_PAGE = 2000;
/** Small enough that many slow readers, each with two pages in memory, do no harm. */
const PAGE_BYTES = 192 * 1024;

/** A page that is being read ahead. */
interface NextPage {
  after: number;
  rows: Promise<EventRow[]>;
}

/** One connection's place in a log. It pulls: nothing is queued for a sink that is full. */
export class LogFollower implements Follower {
  readonly #db: Db;
  readonly #tail: Tail;
  readonly #sink: Sink;
  readonly #onStop: () => void;
  #cursor: number;
  #blocked = false;
  #paging = false;
  #stopped = false;
  #said: Said = { messageId: '', length: 0 };
  #pageRows = FIRST_PAGE;
  #next: NextPage | null = null;
  /** Rows that were read and not written yet. */
  #rest: EventRow[] | null = null;

  constructor(db: Db, tail: Tail, after: number, sink: Sink, onStop: () => void) {
    this.#db = db;
    this.#tail = tail;
    this.#cursor = after;
    this.#sink = sink;
    this.#onStop = onStop;
  }

  head(): number {
    return this.#tail.head;
  }

  cursor(): number {
    return this.#cursor;
  }

  resume(): void {
    this.#blocked = false;
    this.pump();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#onStop();
  }

  /** Ends the follow from the server's side; the client may resume from its last id. */
  close(reason: CloseReason): void {
    if (this.#stopped) return;
    this.stop();
    const last_seq = this.#cursor;
    const { minSeq: min_seq, logEpoch: log_epoch } = this.#tail;
    try {
      this.#sink.close({ control: 'closed', reason, last_seq, min_seq, log_epoch });
    } catch {
      // Nothing is left to be told to a sink that cannot even be closed.
    }
  }

  /** Writes what the sink takes: from memory if it is recent, else a page from the database. */
  pump(): void {
    try {
      while (!this.#stopped && !this.#blocked && !this.#paging && this.#cursor < this.#tail.head) {
        const frame = this.#tail.recent(this.#cursor + 1);
        if (frame !== undefined) this.#write(frame);
        else if (this.#rest !== null) this.#writeRest(this.#rest);
        else void this.#page();
      }
      if (this.#isLive()) this.#writePartial();
    } catch {
      // A sink that throws must not hurt the other followers.
      this.close('internal_error');
    }
  }

  offerEphemeral(frame: EphemeralFrame): void {
    // What was announced before it comes before it.
    this.pump();
    if (!this.#isLive()) return;
    try {
      if (!this.#sink.writeEphemeral(frame)) this.#blocked = true;
    } catch {
      this.close('internal_error');
    }
  }

  #isLive(): boolean {
    return !this.#stopped && !this.#blocked && !this.#paging && this.#cursor >= this.#tail.head;
  }

  #writePartial(): void {
    const { partial, target } = this.#tail;
    const frame = partial.unsaid(target.sessionId, this.#said);
    if (frame === null) return;
    this.#said = partial.said();
    if (!this.#sink.writeEphemeral(frame)) this.#blocked = true;
  }

  #write(frame: Frame): void {
    if (frame.seq !== this.#cursor + 1)
      throw new Error(`Log order broken: ${frame.seq} after ${this.#cursor}.`);
    this.#cursor = frame.seq;
    if (!this.#sink.write(frame)) this.#blocked = true;
  }

  async #page(): Promise<void> {
    this.#paging = true;
    try {
      this.#rest = await this.#readPage();
      this.#paging = false;
    } catch {
      this.#paging = false;
      this.close('internal_error');
      return;
    }
    // The page may reach further than any hint has told.
    const last = this.#rest.at(-1)!.seq;
    if (last > this.#tail.head) this.#tail.hint(last);
    this.pump();
  }

  async #readPage(): Promise<EventRow[]> {
    const after = this.#cursor;
    const ahead = this.#next?.after === after ? this.#next.rows : null;
    this.#next = null;
    const rows = await (ahead ?? this.#select(after));
    const last = rows.at(-1);
    if (last === undefined) throw new Error('The log ends before its head.');
    const bytes = rows.reduce((sum, row) => sum + row.data.length, 0);
    this.#pageRows = Math.max(
      1,
      Math.min(MAX_PAGE, Math.ceil((PAGE_BYTES * rows.length) / Math.max(1, bytes))),
    );
    if (last.seq < this.#tail.head) this.#readAhead(last.seq);
    return rows;
  }

  /** What a full sink leaves of a page is kept: at most this page and the next, however slow it is. */
  #writeRest(rows: EventRow[]): void {
    const { sessionId } = this.#tail.target;
    let index = rows.findIndex((row) => row.seq > this.#cursor);
    for (; index >= 0 && index < rows.length && !this.#blocked && !this.#stopped; index += 1)
      this.#write(new Frame(sessionId, rows[index]!));
    this.#rest = index < 0 || index >= rows.length || this.#stopped ? null : rows.slice(index);
  }

  /** The database reads the next page while this one is written. */
  #readAhead(after: number): void {
    const rows = this.#select(after);
    rows.catch(() => {});
    this.#next = { after, rows };
  }

  #select(after: number): Promise<EventRow[]> {
    return selectEvents(this.#db, this.#tail.target, after, this.#pageRows, PAGE_BYTES);
  }
}
