import { errorOfAnswer, HoldfastError, unreachable } from '../errors.ts';
import { readAnswer, readText, type Schema } from './answer.ts';
import { linkSignal } from './link-signal.ts';
import { DEFAULT_RETRY, isPassing, pauseAfter, sleep, type RetryOptions } from './retry.ts';

type Secret = string | (() => string | null | Promise<string | null>);

export interface HttpOptions {
  /** Where the server is, such as `http://127.0.0.1:7300`; '' in a page that the server itself serves. */
  baseUrl: string;
  /** Sent as `X-API-Key`. */
  apiKey?: string;
  /** Sent as `Authorization: Bearer`; a function is asked before each attempt, null means none. */
  token?: Secret;
  /** A guest session of `client.guests.start`; sent as `X-Session-Id` and `X-Session-Secret`. */
  guest?: { id: string; secret: string };
  /** Instead of the global one. */
  fetch?: typeof fetch;
  retry?: RetryOptions;
  /** For one attempt, from sending to the end of its answer, milliseconds. Default 30000. */
  timeoutMs?: number;
}

/** What every call takes beside its input. */
export interface CallOptions {
  /** Ends the call, which then rejects with the reason of the signal. */
  signal?: AbortSignal;
  /** Of a creating call: instead of one made for this call. At most 200 printable ASCII characters. */
  idempotencyKey?: string;
  /**
   * Of a changing call: the `version` (or ETag) that the change is meant for; another one there is refused with
   * PRECONDITION_FAILED. Of a repeated attempt that may be this call's own change, whose answer got lost.
   */
  ifMatch?: number | string;
  /** How often it is tried in all, instead of the client's number; may be Infinity. */
  attempts?: number;
}

export interface Call<T> extends CallOptions {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`; see `pathOf`. */
  path: string;
  query?: Record<string, string | number | undefined>;
  json?: unknown;
  raw?: { content: string | Uint8Array<ArrayBuffer>; mediaType: string };
  /** Of the whole answer `{success, data, ...}`; null when there is no body. */
  schema: Schema<T>;
  /** Sends an Idempotency-Key. */
  once?: boolean;
  /** Judges a refusal of a repeated attempt, whose first may have been done: true for "it is done". */
  isDone?(code: string): boolean;
}

interface Sent {
  method: string;
  headers: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
}

const TIMEOUT_MS = 30_000;

/** Path of encoded segments: `` pathOf`/sessions/${id}/runs` ``. */
export function pathOf(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return parts.reduce((path, part, index) => path + encodeURIComponent(values[index - 1]!) + part);
}

/** Random and unguessable. `crypto.randomUUID` is missing in pages that are not served over HTTPS. */
export function newClientId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The HTTP API under `/api/v1` of one server: credentials, time-outs, safe retries, one kind of error. */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #baseUrl: string;
  readonly #retry: Required<RetryOptions>;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#baseUrl = options.baseUrl.replace(/\/+$/, '');
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
  }

  /** @throws HoldfastError, or the reason of the signal */
  async call<T>(call: Call<T>): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (call.raw !== undefined) headers['content-type'] = call.raw.mediaType;
    else if (call.json !== undefined) headers['content-type'] = 'application/json';
    if (call.ifMatch !== undefined)
      headers['if-match'] = typeof call.ifMatch === 'number' ? `"${call.ifMatch}"` : call.ifMatch;
    if (call.once) headers['idempotency-key'] = call.idempotencyKey ?? newClientId();
    const body = call.raw?.content ?? (call.json === undefined ? undefined : JSON.stringify(call.json));
    const init = { method: call.method, headers, body };
    const attempts = call.attempts ?? this.#retry.attempts;
    for (let failures = 0; ;) {
      try {
        return await this.#attempt(call, init);
      } catch (error) {
        call.signal?.throwIfAborted();
        failures += 1;
        const code = (error as { code?: unknown }).code;
        if (failures > 1 && typeof code === 'string' && call.isDone?.(code)) return call.schema.parse(null);
        if (failures >= attempts || !isPassing(error)) throw error;
        await sleep(pauseAfter(failures, this.#retry.baseMs, error.retryAfter), call.signal);
      }
    }
  }

  /** Opens a stream, once. Its body may go on for ever; `signal` ends it. @throws HoldfastError */
  async open(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    // A connection that is never accepted must not wait for ever; the body is the caller's to watch.
    const opening = linkSignal(signal, this.#options.timeoutMs ?? TIMEOUT_MS);
    try {
      const response = await this.#fetch(path, { method: 'GET', headers }, opening.signal);
      if (response.ok) {
        opening.disarm();
        return response;
      }
      throw errorOfAnswer(response, await readText(response));
    } catch (error) {
      opening.release();
      throw error;
    }
  }

  /** The credential as a WebSocket takes it, and where to. */
  async socketTarget(path: string): Promise<{ url: string; protocols: string[] }> {
    const secret = this.#options.apiKey ?? (await this.#token());
    const url = `${this.#absoluteBase().replace(/^http/, 'ws')}/api/v1${path}`;
    return { url, protocols: ['holdfast', ...(secret === null ? [] : [`bearer.${secret}`])] };
  }

  async #attempt<T>(call: Call<T>, init: Sent): Promise<T> {
    const { signal, release } = linkSignal(call.signal, this.#options.timeoutMs ?? TIMEOUT_MS);
    try {
      const response = await this.#fetch(`${call.path}${queryOf(call.query)}`, init, signal);
      const text = await readText(response);
      if (!response.ok) throw errorOfAnswer(response, text);
      return readAnswer(call.schema, response.status, text);
    } finally {
      release();
    }
  }

  async #fetch(path: string, init: Sent, signal: AbortSignal): Promise<Response> {
    const { apiKey, guest, fetch: ownFetch } = this.#options;
    const token = await this.#token();
    const headers = { ...init.headers };
    if (apiKey !== undefined) headers['x-api-key'] = apiKey;
    if (guest !== undefined) {
      headers['x-session-id'] = guest.id;
      headers['x-session-secret'] = guest.secret;
    }
    if (token !== null) headers.authorization = `Bearer ${token}`;
    try {
      const send = ownFetch ?? globalThis.fetch;
      return await send(`${this.#baseUrl}/api/v1${path}`, { ...init, headers, signal, cache: 'no-store' });
    } catch (cause) {
      throw unreachable(
        `No server answers at ${this.#baseUrl === '' ? 'this address' : this.#baseUrl}.`,
        cause,
      );
    }
  }

  async #token(): Promise<string | null> {
    const { token = null } = this.#options;
    if (typeof token !== 'function') return token;
    try {
      return await token();
    } catch (cause) {
      if (cause instanceof HoldfastError) throw cause;
      throw unreachable('The token could not be had.', cause);
    }
  }

  #absoluteBase(): string {
    if (this.#baseUrl !== '') return this.#baseUrl;
    return (globalThis as { location?: { origin: string } }).location?.origin ?? '';
  }
}

function queryOf(query: Call<unknown>['query'] = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) given.set(name, String(value));
  }
  const text = given.toString();
  return text === '' ? '' : `?${text}`;
}
