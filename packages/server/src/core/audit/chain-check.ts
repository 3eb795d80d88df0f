import type { AuditFault } from '@holdfast/protocol';
import { hashEntry, type StoredEntry } from './entry.ts';
import type { Mark } from './heads.ts';
import type { ChainEnd } from './queries.ts';

/** What is wrong with a chain, and the first entry that is. */
export interface Fault {
  seq: number;
  reason: AuditFault;
  message: string;
}

/**
 * Checks one chain, entry by entry. Edits, deletions, insertions and a changed order break it by themselves; that the
 * end is missing, or that everything was written anew, only signed heads tell.
 */
export class ChainCheck {
  entries = 0;
  marksChecked = 0;
  #last: ChainEnd;
  #beforeLast = '';
  #vouched: number;
  readonly #start: ChainEnd;
  readonly #marks: readonly Mark[];
  #next = 0;

  readonly #gaps: boolean;

  /**
   * @param start the entry before the first one: number 0, or a checkpoint
   * @param marks by rising `seq`
   * @param gaps entries may be missing, as in a filtered export: then only edits are found
   */
  constructor(start: ChainEnd, marks: readonly Mark[], gaps = false) {
    this.#gaps = gaps;
    this.#start = start;
    this.#last = start;
    this.#vouched = start.seq;
    this.#marks = marks;
    while (this.#next < marks.length && marks[this.#next]!.seq < start.seq) this.#next += 1;
  }

  get lastSeq(): number {
    return this.#last.seq;
  }

  /** Takes the next entry. After a fault nothing more can be said. */
  add(entry: StoredEntry): Fault | null {
    this.entries += 1;
    if (this.#gaps && entry.seq > this.#last.seq + 1) this.#skipTo(entry);
    const fault = this.#checkPlace(entry) ?? this.#checkContent(entry) ?? this.#checkLink(entry);
    if (fault !== null) return fault;
    this.#beforeLast = this.#last.hash;
    this.#last = { seq: entry.seq, hash: entry.hash };
    return this.#checkMarks();
  }

  /** Says that there are no more entries. */
  end(): Fault | null {
    const fault = this.#checkMarks();
    const mark = this.#gaps ? undefined : this.#marks.at(-1);
    if (fault !== null || mark === undefined || mark.seq <= this.#last.seq) return fault;
    const message = `The log ends with entry ${this.#last.seq}, but at ${mark.time} there was an entry ${mark.seq}.`;
    return { seq: this.#last.seq + 1, reason: 'tail_cut', message };
  }

  #skipTo({ seq, prev_hash }: StoredEntry): void {
    this.#beforeLast = '';
    this.#last = { seq: seq - 1, hash: prev_hash };
    while (this.#next < this.#marks.length && this.#marks[this.#next]!.seq < seq) this.#next += 1;
  }

  #checkPlace({ seq }: StoredEntry): Fault | null {
    const expected = this.#last.seq + 1;
    if (seq === expected) return null;
    if (seq < expected)
      return { seq, reason: 'out_of_order', message: `Entry ${seq} comes after entry ${this.#last.seq}.` };
    const message = `Entry ${seq} comes where entry ${expected} should be.`;
    return { seq: expected, reason: 'missing', message };
  }

  #checkContent(entry: StoredEntry): Fault | null {
    if (hashEntry(entry) === entry.hash) return null;
    const { seq, prev_hash } = entry;
    // It follows the one before the last, as numbered before the last was put between them.
    if (prev_hash === this.#beforeLast) {
      return { seq: seq - 1, reason: 'inserted', message: `Entry ${seq - 1} was put into the log later.` };
    }
    return { seq, reason: 'altered', message: `Entry ${seq} does not have the hash of its content.` };
  }

  /** The hash of an entry covers its link, so it is the entry before that is not what it was. */
  #checkLink({ seq, prev_hash }: StoredEntry): Fault | null {
    if (prev_hash === this.#last.hash) return null;
    const bad = this.#last.seq === this.#start.seq ? seq : seq - 1;
    return { seq: bad, reason: 'broken_link', message: `Entry ${seq} does not follow the entry before it.` };
  }

  #checkMarks(): Fault | null {
    for (let mark = this.#marks[this.#next]; mark?.seq === this.#last.seq; mark = this.#marks[this.#next]) {
      this.#next += 1;
      this.marksChecked += 1;
      if (mark.hash !== this.#last.hash) {
        const message =
          `Entry ${mark.seq} is not the one that was signed at ${mark.time}: the log was written anew from an ` +
          `entry after ${this.#vouched} on.`;
        return { seq: this.#vouched + 1, reason: 'rewritten', message };
      }
      this.#vouched = mark.seq;
    }
    return null;
  }
}
