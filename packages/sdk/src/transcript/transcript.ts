import {
  messageDeltaSchema,
  type EphemeralEvent,
  type EventData,
  type LogEvent,
  type ServerEventType,
} from '@holdfast/protocol';
import { applyDelta, dataOfEvent, isEphemeral } from './event-data.ts';
import { newRun, RUN_REDUCERS } from './run-reducer.ts';
import type { TranscriptMessage, TranscriptRun, TranscriptSession, TranscriptState } from './state.ts';

/** Turns the events of a followed session into a readable conversation. */
export interface Transcript {
  /**
   * What is known so far. The same object until something changes; parts that did not change stay the
   * same objects, too. Made when it is asked for, so a long log is best applied first and looked at then.
   */
  readonly state: TranscriptState;
  /** Takes what `follow` yields, in its order; an event that was taken before changes nothing. @returns `state` */
  apply(event: LogEvent | EphemeralEvent): TranscriptState;
  /** The same for many events, looked at once. */
  applyAll(events: Iterable<LogEvent | EphemeralEvent>): TranscriptState;
}

type SessionEvents = { readonly [T in ServerEventType]?: (data: EventData<T>) => Partial<TranscriptSession> };

const SESSION_REDUCERS: SessionEvents = {
  'session.created': ({ title }) => ({ title }),
  'session.updated': ({ changes: { title } }) =>
    typeof title === 'string' || title === null ? { title } : {},
  'session.closed': ({ status }) => ({ status, holder: null, stalled: false }),
  'session.stalled': () => ({ stalled: true }),
  'session.recovered': ({ holder }) => ({ stalled: false, holder }),
  'lease.claimed': ({ holder }) => ({ stalled: false, holder }),
  'lease.released': () => ({ holder: null }),
};

class LiveTranscript implements Transcript {
  #lastSeq = 0;
  #session: TranscriptSession = { title: null, status: 'active', stalled: false, holder: null };
  readonly #messages = new Map<string, TranscriptMessage>();
  readonly #partials = new Map<string, TranscriptMessage>();
  readonly #runs = new Map<string, TranscriptRun>();
  /** Answers that were given up: a late delta must not bring one back. */
  readonly #dropped = new Set<string>();
  #shownMessages: readonly TranscriptMessage[] | null = null;
  #shownRuns: readonly TranscriptRun[] | null = null;
  #state: TranscriptState | null = null;

  get state(): TranscriptState {
    this.#shownMessages ??= [...this.#messages.values(), ...this.#partials.values()];
    this.#shownRuns ??= [...this.#runs.values()];
    this.#state ??= {
      lastSeq: this.#lastSeq,
      session: this.#session,
      messages: this.#shownMessages,
      runs: this.#shownRuns,
    };
    return this.#state;
  }

  apply(event: LogEvent | EphemeralEvent): TranscriptState {
    this.#take(event);
    return this.state;
  }

  applyAll(events: Iterable<LogEvent | EphemeralEvent>): TranscriptState {
    for (const event of events) this.#take(event);
    return this.state;
  }

  #take(event: LogEvent | EphemeralEvent): void {
    if (isEphemeral(event)) return this.#addDelta(event);
    if (event.seq <= this.#lastSeq) return;
    this.#lastSeq = event.seq;
    this.#state = null;
    this.#reduceMessage(event);
    this.#reduceRun(event);
    const type = event.type as ServerEventType;
    const reduce = own(SESSION_REDUCERS, type);
    const data = reduce === undefined ? null : dataOfEvent(event, type);
    if (data !== null) this.#session = { ...this.#session, ...reduce!(data) };
  }

  #addDelta({ type, data }: EphemeralEvent): void {
    const parsed = type === 'message.delta' ? messageDeltaSchema.safeParse(data) : null;
    if (!parsed?.success) return;
    const { message_id: id, run_id: runId } = parsed.data;
    if (this.#messages.has(id) || this.#dropped.has(id)) return;
    const known = this.#partials.get(id);
    const content = applyDelta(known?.content ?? '', parsed.data);
    if (content === null || content === (known?.content ?? '')) return;
    const rest = { index: null, seq: null, createdAt: null, clientMsgId: null, metadata: {} };
    this.#partials.set(id, { id, role: 'assistant', content, partial: true, runId, ...rest });
    this.#changeMessages();
  }

  #reduceMessage(event: LogEvent): void {
    const created = dataOfEvent(event, 'message.created');
    if (created !== null) {
      const { message_id: id, role, content, run_id, client_msg_id, message_index: index } = created;
      this.#partials.delete(id);
      const metadata = created.metadata ?? {};
      const named = { runId: run_id, clientMsgId: client_msg_id, createdAt: event.created_at, metadata };
      this.#messages.set(id, { id, role, content, partial: false, index, seq: event.seq, ...named });
      return this.#changeMessages();
    }
    const superseded = dataOfEvent(event, 'message.superseded');
    if (superseded !== null) this.#drop(superseded.message_id);
  }

  #reduceRun(event: LogEvent): void {
    const type = event.type as ServerEventType;
    const reduce = own(RUN_REDUCERS, type);
    const data = reduce === undefined ? null : (dataOfEvent(event, type) as { run_id: string } | null);
    if (data === null) return;
    const run = this.#runs.get(data.run_id) ?? newRun(data.run_id, event.seq);
    const next = reduce!(run, data, event.seq);
    this.#runs.set(run.id, next);
    this.#shownRuns = null;
    if (next.status === 'completed' || next.status === 'failed' || next.status === 'cancelled') {
      for (const { id, runId } of this.#partials.values()) if (runId === run.id) this.#drop(id);
    }
  }

  #drop(id: string): void {
    this.#dropped.add(id);
    if (this.#partials.delete(id)) this.#changeMessages();
  }

  #changeMessages(): void {
    this.#shownMessages = null;
    this.#state = null;
  }
}

/** A table's entry as a function of any data: the event's own schema has been applied before it is called. */
function own<R>(
  table: { readonly [T in ServerEventType]?: (...args: never[]) => R },
  type: ServerEventType,
): ((...args: unknown[]) => R) | undefined {
  return Object.hasOwn(table, type) ? (table[type] as ((...args: unknown[]) => R) | undefined) : undefined;
}

/** A conversation without events; give it those of one session from the beginning of its log. */
export function createTranscript(): Transcript {
  return new LiveTranscript();
}
