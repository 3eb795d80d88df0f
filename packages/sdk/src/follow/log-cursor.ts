import {
  controlFrameSchema,
  ephemeralEventSchema,
  logEventSchema,
  type CloseReason,
  type EphemeralEvent,
  type LogEvent,
} from '@holdfast/protocol';
import { isObject } from '../errors.ts';

/** What one frame turned out to be. */
export type Taken =
  | { kind: 'event'; event: LogEvent | EphemeralEvent }
  | { kind: 'duplicate' }
  | { kind: 'closed'; reason: CloseReason; details: Record<string, unknown> }
  /** The connection cannot be trusted any more. */
  | { kind: 'broken'; why: string };

const broken = (why: string): Taken => ({ kind: 'broken', why });

/** A place in one session's log: takes each durable event exactly once, in order, and nothing that is torn. */
export class LogCursor {
  readonly #sessionId: string;
  #seq: number;

  constructor(sessionId: string, after: number) {
    this.#sessionId = sessionId;
    this.#seq = after;
  }

  /** Number of the last durable event that was taken. */
  get seq(): number {
    return this.#seq;
  }

  /**
   * @param text JSON of one frame
   * @param id of the frame; null when it has none, undefined where the transport has no ids
   */
  take(text: string, id?: string | null): Taken {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return broken('a frame is not JSON');
    }
    if (!isObject(value)) return broken('a frame is not an object');
    if ('seq' in value) return this.#takeDurable(value, id);
    if (id !== undefined && id !== null) return broken('a frame without a number has an id');
    return 'control' in value ? takeControl(value) : this.#takeEphemeral(value);
  }

  #takeDurable(value: Record<string, unknown>, id: string | null | undefined): Taken {
    const parsed = logEventSchema.safeParse(value);
    if (!parsed.success) return broken('an event does not have the expected form');
    const event = parsed.data;
    if (event.session_id !== this.#sessionId) return broken('an event is of another session');
    if (id !== undefined && id !== String(event.seq)) return broken('an event does not have its own id');
    if (event.seq <= this.#seq) return { kind: 'duplicate' };
    if (event.seq !== this.#seq + 1) return broken(`event ${event.seq} came after ${this.#seq}`);
    this.#seq = event.seq;
    return { kind: 'event', event };
  }

  #takeEphemeral(value: Record<string, unknown>): Taken {
    const parsed = ephemeralEventSchema.safeParse(value);
    if (!parsed.success) return broken('a frame does not have the expected form');
    if (parsed.data.session_id !== this.#sessionId) return broken('an event is of another session');
    return { kind: 'event', event: parsed.data };
  }
}

function takeControl(value: Record<string, unknown>): Taken {
  const parsed = controlFrameSchema.safeParse(value);
  if (!parsed.success) return broken('a control frame does not have the expected form');
  const { reason, control: _control, ...details } = parsed.data;
  return { kind: 'closed', reason, details };
}
