import {
  apiKeySchema,
  loginReplySchema,
  newApiKeySchema,
  type ApiKey,
  type createApiKeySchema,
  type Login,
  type loginSchema,
  type NewApiKey,
  type Page,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, pageOf } from '../http/reply.ts';

const login = dataOf(loginReplySchema);
const apiKey = dataOf(apiKeySchema);
const newApiKey = dataOf(newApiKeySchema);
const apiKeys = pageOf<ApiKey>(apiKeySchema);

/** `client.auth` */
export class AuthApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** The `accessToken` of the reply is a `token` for `createClient`. @throws HoldfastError UNAUTHORIZED */
  login(input: InputOf<typeof loginSchema>, options?: CallOptions): Promise<Login> {
    return this.#http.call({
      ...options,
      method: 'POST',
      path: pathOf`/auth/login`,
      json: input,
      schema: login,
    });
  }
}

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

  /** It stays listed, with the time of its end. */
  revoke(id: string, options?: CallOptions): Promise<ApiKey> {
    return this.#http.call({ ...options, method: 'DELETE', path: pathOf`/api-keys/${id}`, schema: apiKey });
  }
}
