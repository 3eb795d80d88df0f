/** A row of `events` as `queries.ts` selects it; `data` is the stored JSON text. */
export interface EventRow {
  seq: number;
  type: string;
  actor: string;
  client_msg_id: string;
  data: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** One durable event in its wire form, encoded once however many follow. */
export class Frame {
  readonly seq: number;
  readonly type: string;
  /** The event as JSON text (protocol `logEventSchema`). */
  readonly json: string;
  /** Whether it is kept for every follower of a log; else it is one reader's alone. */
  isShared = false;
  #sse: Buffer | undefined;

  constructor(sessionId: string, row: EventRow) {
    this.seq = row.seq;
    this.type = row.type;
    this.json =
      `{"seq":${row.seq},"type":"${row.type}","session_id":"${sessionId}",` +
      `"actor":${JSON.stringify(row.actor)},"client_msg_id":${JSON.stringify(row.client_msg_id)},` +
      `"created_at":"${isoTime(row.at)}","data":${row.data}}`;
  }

  /** The event as one server-sent event, not encoded yet. */
  get sseText(): string {
    return `id: ${this.seq}\ndata: ${this.json}\n\n`;
  }

  /** The event as one server-sent event, its id the sequence number. */
  get sse(): Buffer {
    this.#sse ??= Buffer.from(this.sseText);
    return this.#sse;
  }
}

let lastSecond = Number.NaN;
let lastPrefix = '';

/** As `toISOString`, at a third of its cost: neighbours in a log are mostly of the same second. */
function isoTime(time: number): string {
  // Seconds in floating point are a quarter of a microsecond off: enough to fall into the millisecond before.
  const at = time + 0.0005;
  const second = Math.floor(at / 1000);
  if (second !== lastSecond) {
    lastPrefix = new Date(second * 1000).toISOString().slice(0, -4);
    lastSecond = second;
  }
  return `${lastPrefix}${String(Math.floor(at) - second * 1000).padStart(3, '0')}Z`;
}

/** One broadcast-only event (protocol `ephemeralEventSchema`): no id, so no resume depends on it. */
export class EphemeralFrame {
  readonly json: string;
  #sse: Buffer | undefined;

  constructor(sessionId: string, type: string, data: unknown) {
    this.json = JSON.stringify({ ephemeral: true, type, session_id: sessionId, data });
  }

  get sse(): Buffer {
    this.#sse ??= Buffer.from(`data: ${this.json}\n\n`);
    return this.#sse;
  }
}
