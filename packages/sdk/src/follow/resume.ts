import type { CloseReason, EphemeralEvent, LogEvent } from '@holdfast/protocol';
import { errorOfClose, HoldfastError, unexpectedReply, unreachable } from '../errors.ts';
import { pauseAfter, sleep } from '../http/retry.ts';
import { HeadWatch } from './head-watch.ts';
import { LogCursor } from './log-cursor.ts';

/** What a transport tells of one connection. */
export type Signal =
  | { kind: 'open' }
  | { kind: 'frame'; text: string; id?: string | null }
  | { kind: 'closed'; reason: CloseReason }
  | { kind: 'head'; head: number }
  | { kind: 'retry'; ms: number }
  | { kind: 'broken'; why: string };

/** Opens one connection that begins after `after`; ends or throws when the connection does. */
export type Connect = (after: number, signal: AbortSignal) => AsyncIterable<readonly Signal[]>;

/** `connecting`: first or again; `live`: the server has accepted; `waiting`: lost, with a pause before the next try. */
export type FollowState = 'connecting' | 'live' | 'waiting';

export interface FollowDetail {
  /** Number of the last durable event that was yielded. */
  after: number;
  /** How many tries have failed since the last one that brought anything. */
  failures: number;
  /** Of `waiting`: the pause. */
  inMs?: number;
  /** Of `waiting`: why the connection was lost. */
  error?: HoldfastError;
}

export interface FollowOptions {
  /** Begins after this event; 0, the beginning of the log, when left out. */
  after?: number;
  /** Ends the follow: its iteration is then simply over. */
  signal?: AbortSignal;
  onState?(state: FollowState, detail: FollowDetail): void;
  /** First pause before a new connection, milliseconds. Default: what the server asks for, else 1000. */
  reconnectMs?: number;
  /** A connection that sends nothing at all for so long is given up, milliseconds. Default 45000. */
  silenceMs?: number;
}

export const SILENCE_MS = 45_000;
const RECONNECT_MS = 1000;
/** So many unreadable frames at one place of the log are no accident. */
const MAX_BROKEN = 10;

/**
 * Yields each durable event after `after` exactly once and in order, over as many connections as it
 * takes; broadcast-only events between them, as they come. Nothing is read ahead of the consumer
 * beyond one batch of the transport.
 * @throws HoldfastError when the server refuses to go on
 */
export class Resumer {
  readonly #connect: Connect;
  readonly #options: FollowOptions;
  readonly #cursor: LogCursor;
  #serverRetryMs: number | null = null;
  #failures = 0;
  #broken = 0;

  constructor(connect: Connect, sessionId: string, options: FollowOptions) {
    this.#connect = connect;
    this.#options = options;
    this.#cursor = new LogCursor(sessionId, options.after ?? 0);
  }

  async *run(): AsyncGenerator<LogEvent | EphemeralEvent, void> {
    const { signal } = this.#options;
    while (!signal?.aborted) {
      const connection = new AbortController();
      const end = (): void => connection.abort(signal?.reason);
      signal?.addEventListener('abort', end, { once: true });
      let problem: HoldfastError;
      try {
        this.#tell('connecting');
        problem = yield* this.#follow(connection.signal);
      } catch (error) {
        if (signal?.aborted) return;
        if (!isResumable(error)) throw error;
        problem = error;
      } finally {
        signal?.removeEventListener('abort', end);
        connection.abort();
      }
      await this.#wait(problem);
    }
  }

  /** One connection. @returns why it is over */
  async *#follow(signal: AbortSignal): AsyncGenerator<LogEvent | EphemeralEvent, HoldfastError> {
    const watch = new HeadWatch();
    for await (const batch of this.#connect(this.#cursor.seq, signal)) {
      for (const item of batch) {
        if (signal.aborted) return unreachable('The follow was ended.');
        if (item.kind === 'frame') {
          const taken = this.#cursor.take(item.text, item.id);
          if (taken.kind === 'event') {
            if ('seq' in taken.event) this.#noteProgress();
            yield taken.event;
          } else if (taken.kind === 'closed') return this.#closed(taken.reason, taken.details);
          else if (taken.kind === 'broken') return this.#break(taken.why);
        } else if (item.kind === 'open') this.#tell('live');
        else if (item.kind === 'retry') this.#serverRetryMs = item.ms;
        else if (item.kind === 'closed') return this.#closed(item.reason, {});
        else if (item.kind === 'broken') return this.#break(item.why);
        else {
          this.#noteProgress();
          if (watch.isStuck(item.head, this.#cursor.seq, performance.now()))
            return unreachable(`The log has grown to ${item.head}, but nothing arrives.`);
        }
      }
    }
    return unreachable('The connection ended.');
  }

  #noteProgress(): void {
    this.#failures = 0;
    this.#broken = 0;
  }

  #closed(reason: CloseReason, details: Record<string, unknown>): HoldfastError {
    const final = errorOfClose(reason, details);
    if (final !== null) throw final;
    return unreachable(`The server ended the stream: ${reason}.`);
  }

  #break(why: string): HoldfastError {
    const error = unexpectedReply(200, `the stream broke after event ${this.#cursor.seq}: ${why}.`);
    this.#broken += 1;
    if (this.#broken >= MAX_BROKEN)
      throw new HoldfastError('UNEXPECTED_REPLY', error.message, { status: 422 });
    return error;
  }

  async #wait(error: HoldfastError): Promise<void> {
    this.#failures += 1;
    const base = this.#options.reconnectMs ?? this.#serverRetryMs ?? RECONNECT_MS;
    const inMs = pauseAfter(this.#failures, base, error.retryAfter);
    this.#tell('waiting', { inMs, error });
    // An abort ends the pause; the loop sees it.
    await sleep(inMs, this.#options.signal).catch(() => undefined);
  }

  #tell(state: FollowState, more: Partial<FollowDetail> = {}): void {
    this.#options.onState?.(state, { after: this.#cursor.seq, failures: this.#failures, ...more });
  }
}

function isResumable(error: unknown): error is HoldfastError {
  if (!(error instanceof HoldfastError)) return false;
  const { status } = error;
  return status < 400 || status === 408 || status === 429 || status >= 500;
}
