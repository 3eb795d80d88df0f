import type { LogEvent } from '@holdfast/protocol';

export const PAGE_SIZE = 500;

type FetchPage = (after: number, limit: number) => Promise<readonly LogEvent[]>;

/**
 * What this window knows of one log. Numbers have no gap, so every row has its place before it is
 * loaded: only the pages that are looked at are fetched.
 */
export class LogStore {
  readonly #events = new Map<number, LogEvent>();
  readonly #loading = new Set<number>();
  readonly #fetch: FetchPage;
  readonly #changed: () => void;
  /** Before this the log has been cut off. */
  minSeq = 1;
  lastSeq = 0;

  constructor(fetch: FetchPage, changed: () => void) {
    this.#fetch = fetch;
    this.#changed = changed;
  }

  get loaded(): number {
    return this.#events.size;
  }

  get length(): number {
    return Math.max(0, this.lastSeq - this.minSeq + 1);
  }

  get(seq: number): LogEvent | undefined {
    return this.#events.get(seq);
  }

  /** @returns false when it was there already */
  add(event: LogEvent): boolean {
    if (this.#events.has(event.seq)) return false;
    this.#events.set(event.seq, event);
    if (event.seq > this.lastSeq) this.lastSeq = event.seq;
    return true;
  }

  /** Fetches what is missing between two numbers; a page that fails is asked for again by the next call. */
  async ensure(from: number, to: number): Promise<void> {
    const first = Math.floor((Math.max(from, this.minSeq) - 1) / PAGE_SIZE);
    const last = Math.floor((Math.min(to, this.lastSeq) - 1) / PAGE_SIZE);
    const wanted: Promise<void>[] = [];
    for (let page = first; page <= last; page += 1) {
      if (!this.#loading.has(page) && this.#isMissing(page)) wanted.push(this.#load(page));
    }
    await Promise.all(wanted);
  }

  /** The newest page that is not there in full; null when all are. */
  newestGap(): { from: number; to: number } | null {
    const top = Math.floor((this.lastSeq - 1) / PAGE_SIZE);
    const bottom = Math.floor((this.minSeq - 1) / PAGE_SIZE);
    for (let page = top; page >= bottom; page -= 1) {
      if (this.#isMissing(page)) return { from: page * PAGE_SIZE + 1, to: (page + 1) * PAGE_SIZE };
    }
    return null;
  }

  /** Numbers of the loaded events whose type contains `text`, oldest first. */
  matching(text: string): number[] {
    const found: number[] = [];
    for (const { seq, type } of this.#events.values()) if (type.includes(text)) found.push(seq);
    return found.sort((a, b) => a - b);
  }

  #isMissing(page: number): boolean {
    const start = Math.max(page * PAGE_SIZE + 1, this.minSeq);
    const end = Math.min((page + 1) * PAGE_SIZE, this.lastSeq);
    // Pages are loaded whole and new events come in order: the two ends tell of what is between.
    return start <= end && (!this.#events.has(start) || !this.#events.has(end));
  }

  async #load(page: number): Promise<void> {
    this.#loading.add(page);
    try {
      const after = Math.max(page * PAGE_SIZE, this.minSeq - 1);
      for (const event of await this.#fetch(after, PAGE_SIZE)) this.add(event);
    } catch {
      // The row stays empty; looking at it again asks again.
    } finally {
      this.#loading.delete(page);
      this.#changed();
    }
  }
}
