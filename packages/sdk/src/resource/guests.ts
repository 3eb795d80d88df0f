import {
  guestSessionSchema,
  principalSchema,
  type createGuestSessionSchema,
  type GuestSession,
  type WhoAmI,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import { dataOf, nothing } from '../http/reply.ts';

const guest = dataOf(guestSessionSchema);
const principal = dataOf(principalSchema);

/** `client.guests` */
export class GuestsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /**
   * Needs no credential. In a page of the server's own the cookie of the answer is enough; elsewhere id and
   * secret are the `guest` of another `createClient`. When only the answer was lost, the next one is another guest.
   * @throws HoldfastError NOT_FOUND when the project takes no guests
   */
  start(input: InputOf<typeof createGuestSessionSchema>, options?: CallOptions): Promise<GuestSession> {
    return this.#http.call({
      ...options,
      method: 'POST',
      path: pathOf`/guest-sessions`,
      json: input,
      schema: guest,
    });
  }

  /** Ends the caller's own guest session. */
  end(options?: CallOptions): Promise<void> {
    const isDone = (code: string): boolean => code === 'UNAUTHORIZED';
    return this.#http.call({
      ...options,
      method: 'DELETE',
      path: pathOf`/guest-sessions`,
      schema: nothing,
      isDone,
    });
  }
}

/** `client.me` */
export class MeApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** Who the server takes the caller for, whatever kind of credential the client has. */
  get(options?: CallOptions): Promise<WhoAmI> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/me`, schema: principal });
  }
}
