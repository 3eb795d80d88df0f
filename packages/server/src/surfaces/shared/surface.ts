import type { FastifyBaseLogger } from 'fastify';
import type { Use } from '../../core/api-usage/index.ts';
import type { Denial } from '../../core/audit/index.ts';
import type { Principal, Services } from '../../core/context.ts';
import type { Flags } from '../../core/flag/index.ts';
import type { Entrance, ShownCredential } from '../../core/credential/index.ts';
import type { Clock } from '../../core/ports.ts';
import type { KnownPaths } from './known-paths.ts';
import type { PageCursors } from './page-cursor.ts';
import type { WebhookDoc } from './openapi-webhooks.ts';
import type { RouteDoc } from './route-doc.ts';
import type { FindEnded, StreamHub } from './stream-hub.ts';

/** @throws DomainError UNAUTHORIZED for a credential that is unknown, expired or revoked */
export type Authenticate = (credential: ShownCredential, entrance: Entrance) => Promise<Principal>;

/** Told of each refused credential and each permission denial. */
export type OnDenied = (denial: Denial) => void;

/** Told of each answered request; `route` is the template, or `unmatched`. */
export type ObserveRequest = (route: string, method: string, status: number, seconds: number) => void;

export interface HttpOptions {
  services: Services;
  authenticate: Authenticate;
  /** Asked every two seconds about those who have streams open; without it only their expiry ends them. */
  findEnded?: FindEnded;
  /** A pino logger that redacts (infra/observability/logger.ts). */
  logger: FastifyBaseLogger;
  observeRequest?: ObserveRequest;
  onDenied?: OnDenied;
  /** Address under which clients reach this server, when it is behind a proxy. */
  publicUrl?: string;
  /** Told of each answered request under `/api/v…` of somebody known. */
  countUse?: (use: Use) => void;
  /** Without it every flag has its default. */
  flags?: Flags;
  /** Of the installation: cursors of lists are signed with a key made of it. Default: one of this process. */
  cursorSecret?: string;
  /** Addresses and networks (CIDR) of the proxies whose X-Forwarded-For is believed; none by default. */
  trustedProxies?: readonly string[];
  /** Origins of web pages that may call; none by default. */
  corsOrigins?: readonly string[];
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
  readonly onDenied: OnDenied | undefined;
  readonly publicUrl: string | undefined;
  readonly streams: StreamHub;
  readonly cursors: PageCursors;
  readonly flags: Flags;
  readonly checkReplies: boolean;
  /** Every route made by `defineRoute`, for the OpenAPI document. */
  readonly docs: RouteDoc[];
  /** Every route that was added, documented or not. */
  readonly paths: KnownPaths;
  /** What is delivered to endpoints of others, for the same document. */
  readonly webhooks: WebhookDoc[];
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
    /** The whole body of a signed request, read before it is parsed. */
    signedBody: Buffer | null;
    /** The parsed sections, set before the handler runs. */
    input: unknown;
    /** What a WebSocket route's `prepare` resolved with. */
    prepared: unknown;
  }
  interface FastifyContextConfig {
    speaksWebSocket?: boolean;
  }
}
