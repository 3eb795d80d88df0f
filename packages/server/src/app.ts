import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';
import type { Services } from './core/context.ts';
import {
  authenticate,
  bootstrap,
  type FirstCredentials,
  type IdentityServices,
} from './core/identity/index.ts';
import { abandonLeases, ANY_SERVER } from './core/lease/index.ts';
import { EventLog } from './core/log/index.ts';
import type { Bus, Clock } from './core/ports.ts';
import { Signals } from './core/signal/index.ts';
import { createTools } from './features/tool/index.ts';
import { createAccounts, createTokens, loadSigningSecret } from './infra/auth/index.ts';
import { createLocalBus } from './infra/bus/local-bus.ts';
import { systemClock } from './infra/clock/system-clock.ts';
import { openDb } from './infra/db/index.ts';
import { startPgliteChores } from './infra/db/pglite-chores.ts';
import { createModels } from './infra/model/index.ts';
import { createLogger } from './infra/observability/logger.ts';
import { Metrics } from './infra/observability/metrics.ts';
import { addDashboardRoutes, type DashboardBuild } from './surfaces/dashboard/index.ts';
import { createSchedule } from './surfaces/jobs/schedule.ts';
import { createExecutor, type Executor } from './surfaces/local-holder/executor.ts';
import { addHealthRoute, addMetricsRoute } from './surfaces/ops/index.ts';
import { addPlatformRoutes } from './surfaces/platform/index.ts';
import { createHttp } from './surfaces/shared/http-server.ts';
import { installOpenApi } from './surfaces/shared/openapi.ts';

const API_VERSION = '0.1.0';
const MAX_RECOVERIES = 5;

export interface App {
  /** Of the first start on an empty database, to be shown once. */
  readonly firstCredentials: FirstCredentials | null;
  readonly services: Services;
  readonly http: FastifyInstance;
  /** @returns the URL it answers at */
  listen(): Promise<string>;
  /** Drains: no new work, streams end with a reason, what is not done in time is left for recovery. */
  close(): Promise<void>;
}

export interface AppOverrides {
  clock?: Clock;
  /** Checks every reply against its schema; for tests. */
  checkReplies?: boolean;
  /** Serves this page at `/`; building it is the caller's. */
  dashboard?: DashboardBuild | null;
}

/** Builds the whole server from its configuration. */
export async function createApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  const clock = overrides.clock ?? systemClock;
  const logger = createLogger(config.log.level);
  const db = await openDb({
    databaseUrl: config.database.url,
    dataDir: config.dataDir,
    poolMax: config.database.poolMax,
    queryTimeoutMs: config.database.queryTimeoutMs,
  });
  const bus = await openBus(config, logger);
  const tools = createTools({ ...config.tool, now: () => clock.now() }, logger);
  const services: Services = {
    db,
    bus,
    clock,
    logger,
    tools,
    log: new EventLog({ db, bus, clock, logger, pollIntervalMs: config.follow.pollIntervalMs }),
    signals: new Signals(bus),
    models: createModels(modelOptions(config), logger),
    settings: { leaseTtlMs: config.lease.ttlMs, maxRecoveries: MAX_RECOVERIES },
  };
  const identity = openIdentity(config, services);
  const firstCredentials = await bootstrap(identity, config.identity);
  if (db.engine === 'pglite') await abandonLeases(services, ANY_SERVER);

  const executor = createExecutor(services, config.run.concurrency);
  const chores = startPgliteChores({ db, clock, logger });
  const schedule = createSchedule(services, config.lease.scanIntervalMs);
  const http = buildHttp(config, services, identity, executor, logger, overrides);

  return {
    firstCredentials,
    services,
    http,
    async listen() {
      await http.listen({ host: config.http.host, port: config.http.port });
      executor.start();
      schedule.start();
      const { address, port, family } = http.server.address() as AddressInfo;
      return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    },
    async close() {
      schedule.stop();
      await Promise.all([http.close(), executor.stop(config.http.shutdownTimeoutMs / 2)]);
      services.log.close();
      services.signals.close();
      await Promise.all([bus.close(), tools.close()]);
      await chores.stop();
      await db.close();
    },
  };
}

function buildHttp(
  config: Config,
  services: Services,
  identity: IdentityServices,
  executor: Executor,
  logger: ReturnType<typeof createLogger>,
  { checkReplies, dashboard }: AppOverrides,
): FastifyInstance {
  const metrics = new Metrics();
  metrics.gauge('holdfast_followers', 'Open follows of this server.', () => services.log.hub.followerCount);
  metrics.gauge('holdfast_runs_active', 'Runs this server executes now.', () => executor.size());
  const http = createHttp({
    services,
    logger,
    checkReplies,
    bodyLimit: config.http.bodyLimitBytes,
    keepAliveMs: config.http.sseKeepaliveMs,
    authenticate: ({ token, source }) =>
      authenticate(identity, { kind: source === 'x-api-key' ? 'api_key' : 'bearer', value: token }),
    observeRequest: (...request) => metrics.observeRequest(...request),
  });
  addHealthRoute(http);
  addMetricsRoute(http, metrics);
  addPlatformRoutes(http, { identity, uploadLimitBytes: config.http.uploadLimitBytes });
  installOpenApi(http, API_VERSION);
  if (dashboard) addDashboardRoutes(http, dashboard);
  return http;
}

async function openBus(config: Config, logger: Services['logger']): Promise<Bus> {
  if (config.redis.url === undefined) return createLocalBus();
  const { createRedisBus } = await import('./infra/bus/redis-bus.ts');
  return createRedisBus({ url: config.redis.url, logger });
}

function openIdentity(config: Config, { db, clock }: Services): IdentityServices {
  const secret = config.identity.jwtSecret ?? loadSigningSecret(config.dataDir);
  return {
    db,
    clock,
    accounts: createAccounts(db, secret),
    tokens: createTokens({ secret, ttlMs: config.identity.tokenTtlMs, clock }),
  };
}

function modelOptions({ model }: Config): Parameters<typeof createModels>[0] {
  const { openai, anthropic, compatible } = model;
  return {
    defaultModels: model.default,
    offlineTokenDelayMs: model.offlineTokenDelayMs,
    timeoutMs: model.timeoutMs,
    ...(openai.apiKey === undefined ? {} : { openai: { ...openai, apiKey: openai.apiKey } }),
    ...(anthropic.apiKey === undefined ? {} : { anthropic: { ...anthropic, apiKey: anthropic.apiKey } }),
    ...(compatible.baseUrl === undefined
      ? {}
      : { compatible: { ...compatible, baseUrl: compatible.baseUrl } }),
  };
}
