import type { Db } from '../ports.ts';
import { EphemeralFrame, Frame } from './frame.ts';
import { selectEvents } from './queries.ts';
import type { LogHead, LogTarget } from './types.ts';
import type { LogFollower } from './follower.ts';
import type { PartialAnswer } from './partial.ts';

const RING_FRAMES = 512;
const RING_BYTES = 1024 * 1024;
const REORDER_FRAMES = 1024;
const REORDER_BYTES = 4 * 1024 * 1024;
const FILL_PAGE = 500;
const FILL_BYTES = 1024 * 1024;
/** More sockets than this in one turn would hold up everybody else. */
const FAN_OUT_SLICE = 256;

/**
 * One log as this server sees it: the head, the newest frames, and who follows.
 * Frames enter in any order, any number of times; they leave as 1, 2, 3 ...
 */
export class Tail {
  readonly target: LogTarget;
  readonly logEpoch: string;
  readonly minSeq: number;
  readonly followers = new Set<LogFollower>();
  readonly partial: PartialAnswer;
  readonly #db: Db;
  readonly #ring: Frame[] = [];
  readonly #early = new Map<number, Frame>();
  #ringBytes = 0;
  #earlyBytes = 0;
  #head: number;
  #wanted: number;
  #filling = false;
  #waking = false;

  constructor(db: Db, target: LogTarget, head: LogHead, partial: PartialAnswer) {
    this.#db = db;
    this.target = target;
    this.partial = partial;
    this.logEpoch = head.epoch;
    this.minSeq = head.minSeq;
    this.#head = head.lastSeq;
    this.#wanted = head.lastSeq;
  }

  get head(): number {
    return this.#head;
  }

  /** A frame that is committed. */
  offer(frame: Frame): void {
    if (frame.seq <= this.#head) return;
    const fits = this.#early.size < REORDER_FRAMES && this.#earlyBytes < REORDER_BYTES;
    if (fits && !this.#early.has(frame.seq)) {
      this.#early.set(frame.seq, frame);
      this.#earlyBytes += frame.json.length;
    }
    this.hint(frame.seq);
  }

  /** The log is known to reach at least `seq`. */
  hint(seq: number): void {
    if (seq > this.#wanted) this.#wanted = seq;
    this.#takeEarly();
    if (this.#wanted > this.#head && !this.#filling) void this.#fill();
  }

  /** A recent frame, if it is still in memory. */
  recent(seq: number): Frame | undefined {
    const first = this.#ring[0];
    return first === undefined ? undefined : this.#ring[seq - first.seq];
  }

  /** To every follower that is live now. */
  broadcast(frame: EphemeralFrame): void {
    this.#visit([...this.followers], (follower) => follower.offerEphemeral(frame));
  }

  /** There is something new to write: a frame, or more of an unfinished answer. */
  wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      this.#visit([...this.followers], (follower) => follower.pump());
    });
  }

  #visit(followers: LogFollower[], each: (follower: LogFollower) => void): void {
    for (const follower of followers.splice(0, FAN_OUT_SLICE)) each(follower);
    if (followers.length > 0) setImmediate(() => this.#visit(followers, each));
  }

  #takeEarly(): void {
    for (let seq = this.#head + 1; ; seq += 1) {
      const frame = this.#early.get(seq);
      if (frame === undefined) return;
      this.#dropEarly(frame);
      this.#push(frame);
    }
  }

  #dropEarly(frame: Frame): void {
    this.#early.delete(frame.seq);
    this.#earlyBytes -= frame.json.length;
  }

  #push(frame: Frame): void {
    this.#head = frame.seq;
    frame.isShared = true;
    this.#ring.push(frame);
    this.#ringBytes += frame.json.length;
    while (this.#ring.length > RING_FRAMES || (this.#ringBytes > RING_BYTES && this.#ring.length > 1)) {
      this.#ringBytes -= this.#ring.shift()!.json.length;
    }
    this.partial.see(frame);
    this.wake();
  }

  /** Reads what was hinted at but did not arrive. */
  async #fill(): Promise<void> {
    this.#filling = true;
    try {
      while (this.#wanted > this.#head) {
        const from = this.#head;
        const wanted = this.#wanted;
        const rows = await selectEvents(this.#db, this.target, from, FILL_PAGE, FILL_BYTES);
        for (const row of rows) {
          if (row.seq === this.#head + 1) this.#push(new Frame(this.target.sessionId, row));
        }
        this.#dropStale();
        this.#takeEarly();
        // A hint beyond the log is a lie or an echo of a lost server; the log decides.
        if (this.#head === from && this.#wanted === wanted) this.#wanted = this.#head;
      }
    } catch {
      // The next hint or tail check tries again.
      this.#wanted = this.#head;
    } finally {
      this.#filling = false;
    }
  }

  #dropStale(): void {
    for (const frame of this.#early.values()) if (frame.seq <= this.#head) this.#dropEarly(frame);
  }
}
