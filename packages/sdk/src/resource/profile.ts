import { profileSchema, type Profile, type UpdateProfile } from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import { dataOf } from '../http/reply.ts';

const one = dataOf(profileSchema);

/** `client.profile`, of the logged-in user. */
export class ProfileApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  get(options?: CallOptions): Promise<Profile> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/profile`, schema: one });
  }

  /** Changes the given fields only. */
  update(input: UpdateProfile, options?: CallOptions): Promise<Profile> {
    return this.#http.call({
      ...options,
      method: 'PATCH',
      path: pathOf`/profile`,
      json: input,
      schema: one,
    });
  }
}
