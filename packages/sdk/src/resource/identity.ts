import {
  apiKeySchema,
  newApiKeySchema,
  type ApiKey,
  type createApiKeySchema,
  type NewApiKey,
  type Page,
  type rotateApiKeySchema,
  type UpdateApiKey,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, pageOf } from '../http/reply.ts';

const apiKey = dataOf(apiKeySchema);
const newApiKey = dataOf(newApiKeySchema);
const apiKeys = pageOf<ApiKey>(apiKeySchema);

/** `client.apiKeys`; needs the scope `admin`. */
export class ApiKeysApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /**
   * The secret is told once. When only its reply was lost, the key is revoked and another one made.
   * With an `idempotencyKey` of the caller's own the secret may be null.
   */
  async create(input: InputOf<typeof createApiKeySchema>, options?: CallOptions): Promise<NewApiKey> {
    const path = pathOf`/api-keys`;
    const call = { ...options, method: 'POST', path, json: input, schema: newApiKey, once: true } as const;
    for (;;) {
      const made = await this.#http.call<NewApiKey>(call);
      if (made.secret !== null || options?.idempotencyKey !== undefined) return made;
      await this.revoke(made.id, options);
    }
  }

  list(page: PageOptions = {}, options?: CallOptions): Promise<Page<ApiKey>> {
    const query = { ...page };
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/api-keys`, query, schema: apiKeys });
  }

  /** Name or expiry. @throws HoldfastError RESOURCE_CONFLICT once it has ended */
  update(id: string, change: UpdateApiKey, options?: CallOptions): Promise<ApiKey> {
    const path = pathOf`/api-keys/${id}`;
    return this.#http.call({ ...options, method: 'PATCH', path, json: change, schema: apiKey });
  }

  /**
   * A new secret in the place of the present one, which is taken for `grace_seconds` more. The secret is null
   * when only the first reply was lost: rotate again, which ends the secret of before the first time at once.
   */
  rotate(
    id: string,
    input: InputOf<typeof rotateApiKeySchema> = {},
    options?: CallOptions,
  ): Promise<NewApiKey> {
    const path = pathOf`/api-keys/${id}/rotate`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: newApiKey, once: true });
  }

  /** It stays listed, with the time of its end. */
  revoke(id: string, options?: CallOptions): Promise<ApiKey> {
    return this.#http.call({ ...options, method: 'DELETE', path: pathOf`/api-keys/${id}`, schema: apiKey });
  }
}
