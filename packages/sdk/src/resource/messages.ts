import {
  messageSchema,
  postedMessageSchema,
  type Message,
  type Page,
  type PostedMessage,
  type postMessageSchema,
} from '@holdfast/protocol';
import { newClientId, pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, pageOf } from '../http/reply.ts';

const posted = dataOf(postedMessageSchema);
const many = pageOf<Message>(messageSchema);

/** `client.messages`: the conversation of a session. */
export class MessagesApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /**
   * Posts a message, once: it carries a `client_msg_id`, the caller's or one made for this call.
   * `duplicate` of the reply says that an earlier attempt had already written it.
   */
  post(
    sessionId: string,
    input: InputOf<typeof postMessageSchema>,
    options?: Omit<CallOptions, 'idempotencyKey'>,
  ): Promise<PostedMessage> {
    const json = { ...input, client_msg_id: input.client_msg_id ?? newClientId() };
    const path = pathOf`/sessions/${sessionId}/messages`;
    return this.#http.call({ ...options, method: 'POST', path, json, schema: posted });
  }

  /** Oldest first. @param page `limit` 1 to 200, 50 when left out */
  list(sessionId: string, page: PageOptions = {}, options?: CallOptions): Promise<Page<Message>> {
    const path = pathOf`/sessions/${sessionId}/messages`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...page }, schema: many });
  }
}
