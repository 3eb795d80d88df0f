import {
  sessionSchema,
  type closeSessionSchema,
  type createSessionSchema,
  type Page,
  type Session,
  type UpdateSession,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, pageOf } from '../http/reply.ts';

const one = dataOf(sessionSchema);
const many = pageOf<Session>(sessionSchema);

export interface SessionFilter {
  project_id?: string;
  status?: 'active' | 'completed' | 'failed' | 'interrupted';
}

/** `client.sessions`: one piece of work with its log. */
export class SessionsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  create(input: InputOf<typeof createSessionSchema>, options?: CallOptions): Promise<Session> {
    const path = pathOf`/sessions`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: one, once: true });
  }

  list(page: PageOptions & SessionFilter = {}, options?: CallOptions): Promise<Page<Session>> {
    const query = { ...page };
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/sessions`, query, schema: many });
  }

  get(id: string, options?: CallOptions): Promise<Session> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/sessions/${id}`, schema: one });
  }

  update(id: string, input: UpdateSession, options?: CallOptions): Promise<Session> {
    const path = pathOf`/sessions/${id}`;
    return this.#http.call({ ...options, method: 'PATCH', path, json: input, schema: one });
  }

  /** Cancels its unfinished runs, revokes its lease; the log stays readable. */
  close(id: string, input: InputOf<typeof closeSessionSchema> = {}, options?: CallOptions): Promise<Session> {
    const path = pathOf`/sessions/${id}/close`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: one });
  }
}
