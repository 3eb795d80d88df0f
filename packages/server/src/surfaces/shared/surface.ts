import type { FastifyBaseLogger } from 'fastify';
import type { Principal, Services } from '../../core/context.ts';
import type { Clock } from '../../core/ports.ts';
import type { Credentials } from './credentials.ts';
import type { RouteDoc } from './route-doc.ts';
import type { StreamHub } from './stream-hub.ts';

/** @throws DomainError UNAUTHORIZED for a credential that is unknown, expired or revoked */
export type Authenticate = (credentials: Credentials) => Promise<Principal>;

/** Told of each answered request; `route` is the template, or `unmatched`. */
export type ObserveRequest = (route: string, method: string, status: number, seconds: number) => void;

export interface HttpOptions {
  services: Services;
  authenticate: Authenticate;
  /** A pino logger that redacts (infra/observability/logger.ts). */
  logger: FastifyBaseLogger;
  observeRequest?: ObserveRequest;
  /** Largest body of a route that does not say otherwise, bytes. Default 1 MiB. */
  bodyLimit?: number;
  /** Pause after which an idle stream gets a keep-alive, milliseconds. Default 15000. */
  keepAliveMs?: number;
  /** A request slower than this is logged at level info. Default 1000. */
  slowMs?: number;
  /** Validates every reply with its schema; for tests, as it doubles the cost of a reply. */
  checkReplies?: boolean;
  /** Shown in the OpenAPI document. */
  version?: string;
}

/** What the shared layer keeps on the server for routes and streams. */
export interface Surface {
  readonly services: Services;
  readonly clock: Clock;
  readonly authenticate: Authenticate;
  readonly streams: StreamHub;
  readonly checkReplies: boolean;
  /** Every route made by `defineRoute`, for the OpenAPI document. */
  readonly docs: RouteDoc[];
  /** True once the server has begun to close. */
  draining: boolean;
}

declare module 'fastify' {
  interface FastifyInstance {
    surface: Surface;
  }
  interface FastifyRequest {
    /** Set by routes that need a credential. */
    principal: Principal | null;
    /** The parsed sections, set before the handler runs. */
    input: unknown;
    /** What a WebSocket route's `prepare` resolved with. */
    prepared: unknown;
  }
  interface FastifyContextConfig {
    speaksWebSocket?: boolean;
  }
}
