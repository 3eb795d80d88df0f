import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';
import type { AccountParts } from './core/account/index.ts';
import type { UsageCounter } from './core/api-usage/index.ts';
import type { DenialLog } from './core/audit/index.ts';
import type { Services } from './core/context.ts';
import { findEnded, identify, type CredentialServices } from './core/credential/index.ts';
import type { FlagCache } from './core/flag/index.ts';
import type { IdentityServices } from './core/identity/index.ts';
import type { TwoFactorParts } from './core/two-factor/index.ts';
import { loadSigningSecret } from './infra/auth/index.ts';
import type { createLogger } from './infra/observability/logger.ts';
import type { Metrics } from './infra/observability/metrics.ts';
import { addDashboardRoutes, type DashboardBuild } from './surfaces/dashboard/index.ts';
import type { Executor } from './surfaces/local-holder/executor.ts';
import {
  addHealthRoute,
  addMetricsRoute,
  addServiceHealthRoute,
  serviceChecks,
} from './surfaces/ops/index.ts';
import { addPlatformRoutes } from './surfaces/platform/index.ts';
import { createHttp } from './surfaces/shared/http-server.ts';
import { installOpenApi } from './surfaces/shared/openapi.ts';

const API_VERSION = '0.1.0';

/** What routes need beside the services. */
export interface Doors {
  identity: IdentityServices;
  credentials: CredentialServices;
  denials: DenialLog;
  account: AccountParts & TwoFactorParts;
  flags: FlagCache;
  usage: UsageCounter;
  metrics: Metrics;
}

/** The HTTP server with every route. */
export function openHttp(
  config: Config,
  services: Services,
  { identity, credentials, denials, account, flags, usage, metrics }: Doors,
  executor: Executor,
  logger: ReturnType<typeof createLogger>,
  { checkReplies, dashboard }: { checkReplies?: boolean; dashboard?: DashboardBuild | null },
): FastifyInstance {
  metrics.gauge('holdfast_followers', 'Open follows of this server.', () => services.log.hub.followerCount);
  metrics.gauge('holdfast_runs_active', 'Runs this server executes now.', () => executor.size());
  const http = createHttp({
    services,
    logger,
    checkReplies,
    bodyLimit: config.http.bodyLimitBytes,
    keepAliveMs: config.http.sseKeepaliveMs,
    authenticate: (shown, entrance) => identify(credentials, shown, entrance),
    onDenied: (denial) => denials.note(denial),
    publicUrl: config.http.publicUrl,
    findEnded: (principals) => findEnded(services, principals),
    observeRequest: (...request) => metrics.observeRequest(...request),
    countUse: (use) => usage.count(use),
    flags,
    cursorSecret: config.identity.jwtSecret ?? loadSigningSecret(config.dataDir),
    corsOrigins: config.api.corsOrigins,
    trustedProxies: config.limit.trustedProxies,
  });
  addHealthRoute(http);
  addServiceHealthRoute(http, serviceChecks(services), API_VERSION);
  addMetricsRoute(http, metrics);
  const { uploadLimitBytes, bodyLimitBytes } = config.http;
  const { guests } = credentials;
  addPlatformRoutes(http, { identity, guests, account, flags, usage, uploadLimitBytes, bodyLimitBytes });
  installOpenApi(http, API_VERSION);
  if (dashboard) addDashboardRoutes(http, dashboard);
  return http;
}
