import type { Config } from './config.ts';
import type { Services } from './core/context.ts';
import { EventLog } from './core/log/index.ts';
import type { Bus, Clock, Notary } from './core/ports.ts';
import { Signals } from './core/signal/index.ts';
import { checkKeys, createSecrets } from './features/secret/index.ts';
import { createTools } from './features/tool/index.ts';
import { createNotary, loadSigningKey } from './infra/audit/index.ts';
import { loadSigningSecret } from './infra/auth/index.ts';
import { createLocalBus } from './infra/bus/local-bus.ts';
import { openDb } from './infra/db/index.ts';
import { createModels } from './infra/model/index.ts';
import { createOutbound } from './infra/net/index.ts';
import type { createLogger } from './infra/observability/logger.ts';
import type { Metrics } from './infra/observability/metrics.ts';
import { loadKeyRing } from './infra/secret/index.ts';
import { openLimits } from './open-limits.ts';

type AppLogger = ReturnType<typeof createLogger>;

const MAX_RECOVERIES = 5;

/** The services of a whole server. */
export type OpenServices = Awaited<ReturnType<typeof openServices>>;

/** What every verb may use. */
export async function openServices(
  config: Config,
  { clock, logger, metrics }: { clock: Clock; logger: AppLogger; metrics: Metrics },
) {
  const keyRing = loadKeyRing({ ...config.secret, dataDir: config.dataDir });
  const db = await openDb({
    databaseUrl: config.database.url,
    dataDir: config.dataDir,
    poolMax: config.database.poolMax,
    queryTimeoutMs: config.database.queryTimeoutMs,
  });
  await checkKeys({ db, keyRing }).catch((error: unknown) => db.close().then(() => Promise.reject(error)));
  const bus = await openBus(config, logger);
  const secrets = createSecrets({ db, bus, clock, keyRing });
  const { mcpServers, fetchAllowPrivate } = config.tool;
  const outbound = createOutbound({ allowPrivate: fetchAllowPrivate });
  const tools = createTools({ mcpServers, outbound, now: () => clock.now() }, logger);
  return {
    db,
    bus,
    limits: await openLimits(config, { db, bus, clock, logger }, metrics),
    keyRing,
    secrets,
    notary: openNotary(config),
    clock,
    logger,
    tools,
    log: new EventLog({ db, bus, clock, logger, pollIntervalMs: config.follow.pollIntervalMs }),
    signals: new Signals(bus),
    models: createModels(modelOptions(config), logger),
    settings: settingsOf(config),
  };
}

function settingsOf({ http, lease, mail, mode }: Config): Services['settings'] {
  return {
    leaseTtlMs: lease.ttlMs,
    maxRecoveries: MAX_RECOVERIES,
    publicUrl: http.publicUrl?.replace(/\/+$/, '') ?? localUrlOf(http),
    showsMail: mail === null && mode !== 'production',
  };
}

/** For links: an address that means "any" is no place to go to. */
function localUrlOf({ host, port }: Config['http']): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

async function openBus(config: Config, logger: Services['logger']): Promise<Bus> {
  if (config.redis.url === undefined) return createLocalBus();
  const { createRedisBus } = await import('./infra/bus/redis-bus.ts');
  return createRedisBus({ url: config.redis.url, logger });
}

function openNotary({ audit, dataDir, identity }: Config): Notary {
  return createNotary({
    secret: identity.jwtSecret ?? loadSigningSecret(dataDir),
    signingKey: audit.signingKey ?? loadSigningKey(dataDir),
    previousKeys: audit.previousKeys,
    headsFile: audit.headsFile,
  });
}

function modelOptions({ model }: Config): Parameters<typeof createModels>[0] {
  const { default: defaultModels, ...rest } = model;
  return { defaultModels, ...rest };
}
