import {
  accessSchema,
  loginReplySchema,
  revokedSessionsSchema,
  signingKeySchema,
  userSessionSchema,
  type Access,
  type Login,
  type loginSchema,
  type Page,
  type RevokedSessions,
  type RotateSigningKey,
  type SigningKey,
  type UserSession,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, nothing, pageOf } from '../http/reply.ts';

const login = dataOf(loginReplySchema);
const access = dataOf(accessSchema);
const sessions = pageOf<UserSession>(userSessionSchema);
const revoked = dataOf(revokedSessionsSchema);
const signingKey = dataOf(signingKeySchema);
const signingKeys = dataOf(signingKeySchema.array());

/** `client.auth`: logging in and out, and where a user is logged in. */
export class AuthApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /**
   * The `accessToken` of the reply is a `token` for `createClient`.
   * @throws HoldfastError UNAUTHORIZED; TWO_FACTOR_REQUIRED with a challenge as `details`; RATE_LIMIT
   */
  login(input: InputOf<typeof loginSchema>, options?: CallOptions): Promise<Login> {
    return this.#http.call({
      ...options,
      method: 'POST',
      path: pathOf`/auth/login`,
      json: input,
      schema: login,
    });
  }

  /**
   * New tokens for a refresh token, which is of use once: keep the new one before anything else is done. A
   * repetition within a minute gives the same one, so that a lost answer costs nothing.
   * @throws HoldfastError UNAUTHORIZED; then only the password helps
   */
  refresh(refreshToken: string, options?: CallOptions): Promise<Login> {
    return this.#http.call({
      ...options,
      method: 'POST',
      path: pathOf`/auth/refresh`,
      json: { refresh_token: refreshToken },
      schema: login,
    });
  }

  /** Ends the login of the token. When only its answer was lost, the repetition finds it done. */
  logout(options?: CallOptions): Promise<void> {
    const isDone = (code: string): boolean => code === 'UNAUTHORIZED';
    return this.#http.call({
      ...options,
      method: 'POST',
      path: pathOf`/auth/logout`,
      schema: nothing,
      isDone,
    });
  }

  /** A token of the same login for another team of the user. @throws HoldfastError NOT_FOUND */
  switchTenant(tenantId: string, options?: CallOptions): Promise<Access> {
    return this.#http.call({
      ...options,
      method: 'POST',
      path: pathOf`/auth/switch-tenant`,
      json: { tenant_id: tenantId },
      schema: access,
    });
  }

  /** The user's own logins, newest first. */
  sessions(page: PageOptions = {}, options?: CallOptions): Promise<Page<UserSession>> {
    const query = { ...page };
    return this.#http.call({
      ...options,
      method: 'GET',
      path: pathOf`/auth/sessions`,
      query,
      schema: sessions,
    });
  }

  revokeSession(id: string, options?: CallOptions): Promise<void> {
    const path = pathOf`/auth/sessions/${id}`;
    const isDone = (code: string): boolean => code === 'NOT_FOUND';
    return this.#http.call({ ...options, method: 'DELETE', path, schema: nothing, isDone });
  }

  /** Ends all logins of the user but the one of the token. */
  revokeOtherSessions(options?: CallOptions): Promise<RevokedSessions> {
    const path = pathOf`/auth/sessions/revoke-all`;
    return this.#http.call({ ...options, method: 'POST', path, schema: revoked });
  }
}

/** `client.signingKeys`; for an owner of the first team of the installation, logged in to it. */
export class SigningKeysApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** Newest first, retired ones too. */
  list(options?: CallOptions): Promise<SigningKey[]> {
    const path = pathOf`/admin/signing-keys`;
    return this.#http.call({ ...options, method: 'GET', path, schema: signingKeys });
  }

  /** A repetition after a lost answer makes one key more, which does no harm. */
  rotate(input: RotateSigningKey = {}, options?: CallOptions): Promise<SigningKey> {
    const path = pathOf`/admin/signing-keys/rotate`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: signingKey });
  }
}
