import type { FastifyReply, FastifyRequest } from 'fastify';
import { addVary } from './reply-writer.ts';

const ALLOWED_HEADERS = [
  'authorization',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'last-event-id',
  'x-api-key',
  'x-request-id',
  'x-session-id',
  'x-session-secret',
].join(', ');

const EXPOSED_HEADERS = [
  'deprecation',
  'etag',
  'idempotency-replayed',
  'link',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'sunset',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-request-id',
].join(', ');

const PREFLIGHT_SECONDS = '600';

/** Which web pages may call this server. Nothing here keeps out anybody but browsers: credentials do. */
export class CorsPolicy {
  readonly #exact: ReadonlySet<string>;
  readonly #prefixes: readonly string[];
  readonly #any: boolean;

  /** @param origins `https://app.example.com`, `vscode-webview://*` for all of a scheme, or `*` */
  constructor(origins: readonly string[]) {
    this.#any = origins.includes('*');
    this.#exact = new Set(origins.filter((origin) => !origin.endsWith('*')));
    this.#prefixes = origins.filter((origin) => origin.endsWith('://*')).map((origin) => origin.slice(0, -1));
  }

  get isOpen(): boolean {
    return this.#any || this.#exact.size > 0 || this.#prefixes.length > 0;
  }

  /**
   * Says to a browser what it may do. Cookies go only to origins named in full.
   * @param methodsOf the methods that the path takes; not cheap to find
   * @returns whether the request was a preflight, which the headers answer
   */
  apply(request: FastifyRequest, reply: FastifyReply, methodsOf: () => readonly string[]): boolean {
    if (!this.isOpen) return false;
    addVary(reply, 'origin');
    const { origin } = request.headers;
    if (origin === undefined || !this.#allows(origin)) return false;
    const named = this.#exact.has(origin);
    reply.header('access-control-allow-origin', this.#any && !named ? '*' : origin);
    if (named) reply.header('access-control-allow-credentials', 'true');
    const preflight =
      request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
    const methods = preflight ? methodsOf() : [];
    if (methods.length === 0) {
      reply.header('access-control-expose-headers', EXPOSED_HEADERS);
      return false;
    }
    reply.headers({
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': ALLOWED_HEADERS,
      'access-control-max-age': PREFLIGHT_SECONDS,
    });
    return true;
  }

  #allows(origin: string): boolean {
    return this.#any || this.#exact.has(origin) || this.#prefixes.some((prefix) => origin.startsWith(prefix));
  }
}
