import {
  secretAccessSchema,
  secretDetailSchema,
  secretRewrapSchema,
  secretSchema,
  secretStatusSchema,
  type addSecretVersionSchema,
  type createSecretSchema,
  type Page,
  type Secret,
  type SecretAccess,
  type SecretDetail,
  type SecretRewrap,
  type SecretStatus,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, nothing, pageOf } from '../http/reply.ts';

const secret = dataOf(secretSchema);
const detail = dataOf(secretDetailSchema);
const status = dataOf(secretStatusSchema);
const rewrap = dataOf(secretRewrapSchema);
const secrets = pageOf<Secret>(secretSchema);
const accesses = pageOf<SecretAccess>(secretAccessSchema);

/** `client.secrets`; needs the scope `admin`. No answer holds a value. */
export class SecretsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** @throws HoldfastError RESOURCE_CONFLICT when the name is taken */
  create(input: InputOf<typeof createSecretSchema>, options?: CallOptions): Promise<Secret> {
    const path = pathOf`/secrets`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: secret, once: true });
  }

  list(page: PageOptions = {}, options?: CallOptions): Promise<Page<Secret>> {
    const query = { ...page };
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/secrets`, query, schema: secrets });
  }

  /** With its versions, newest first. */
  get(id: string, options?: CallOptions): Promise<SecretDetail> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/secrets/${id}`, schema: detail });
  }

  /** A new value, used at once; the ones before stay until they are disabled. */
  addVersion(
    id: string,
    input: InputOf<typeof addSecretVersionSchema>,
    options?: CallOptions,
  ): Promise<Secret> {
    const path = pathOf`/secrets/${id}/versions`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: secret, once: true });
  }

  /** For good. The newest version that is left is used from then on. */
  disableVersion(id: string, version: number, options?: CallOptions): Promise<SecretDetail> {
    const path = pathOf`/secrets/${id}/versions/${version}/disable`;
    return this.#http.call({ ...options, method: 'POST', path, schema: detail });
  }

  /** With all its versions; the record of its uses stays. */
  delete(id: string, options?: CallOptions): Promise<void> {
    return this.#http.call({
      ...options,
      method: 'DELETE',
      path: pathOf`/secrets/${id}`,
      schema: nothing,
      isDone: (code) => code === 'NOT_FOUND',
    });
  }

  /** Every use of its value, newest first. */
  accesses(id: string, page: PageOptions = {}, options?: CallOptions): Promise<Page<SecretAccess>> {
    const path = pathOf`/secrets/${id}/accesses`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...page }, schema: accesses });
  }

  /** What is unused or expires soon; for the operator also the keys that protect all secrets. */
  status(options?: CallOptions): Promise<SecretStatus> {
    return this.#http.call({
      ...options,
      method: 'GET',
      path: pathOf`/admin/secrets/status`,
      schema: status,
    });
  }

  /** Puts the secrets of all tenants under the current key, in the background. For the operator. */
  rewrap(options?: CallOptions): Promise<SecretRewrap> {
    return this.#http.call({
      ...options,
      method: 'POST',
      path: pathOf`/admin/secrets/rewrap`,
      schema: rewrap,
    });
  }
}
