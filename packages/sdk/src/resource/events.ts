import {
  appendedEventsSchema,
  logEventSchema,
  type appendEventsSchema,
  type LogEvent,
  type Page,
} from '@holdfast/protocol';
import type { Schema } from '../http/answer.ts';
import { newClientId, pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import { dataOf, pageOf } from '../http/reply.ts';

export interface EventPage extends Page<LogEvent> {
  /** Where the log ends and where it still begins. */
  log: { last_seq: number; min_seq: number; log_epoch: string };
}

export interface AppendedEvents {
  /** In the order of the call; `seq` is null for an ephemeral one. */
  events: { seq: number | null; duplicate: boolean }[];
}

const items = pageOf<LogEvent>(logEventSchema);
const eventPage: Schema<EventPage> = {
  parse: (answer) => ({ ...items.parse(answer), log: (answer as EventPage).log }),
};
const appended = dataOf<AppendedEvents>(appendedEventsSchema);

/** `client.events`: the log of a session as pages, and a holder's own events. */
export class EventsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /**
   * One page of the log, oldest first.
   * @param page `after` is a sequence number or the `next_cursor` of the page before, 0 when left out;
   *   `limit` 1 to 1000, 100 when left out
   */
  page(
    sessionId: string,
    page: { after?: number | string; limit?: number } = {},
    options?: CallOptions,
  ): Promise<EventPage> {
    const path = pathOf`/sessions/${sessionId}/events`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...page }, schema: eventPage });
  }

  /** Appends events under a lease; each gets a `client_msg_id`, so that a repetition writes none twice. */
  append(
    sessionId: string,
    input: InputOf<typeof appendEventsSchema>,
    options?: Omit<CallOptions, 'idempotencyKey'>,
  ): Promise<AppendedEvents> {
    const events = input.events.map((event) => ({
      ...event,
      client_msg_id: event.client_msg_id ?? newClientId(),
    }));
    const path = pathOf`/sessions/${sessionId}/events`;
    return this.#http.call({
      ...options,
      method: 'POST',
      path,
      json: { ...input, events },
      schema: appended,
    });
  }
}
