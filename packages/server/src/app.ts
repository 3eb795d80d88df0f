import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';
import { UsageCounter } from './core/api-usage/index.ts';
import { DenialLog } from './core/audit/index.ts';
import type { Services } from './core/context.ts';
import { FlagCache } from './core/flag/index.ts';
import { bootstrap, type FirstCredentials } from './core/identity/index.ts';
import { abandonLeases, ANY_SERVER } from './core/lease/index.ts';
import type { Clock } from './core/ports.ts';
import { HeadKeeper } from './features/audit/index.ts';
import { systemClock } from './infra/clock/system-clock.ts';
import { startPgliteChores } from './infra/db/pglite-chores.ts';
import { createLogger } from './infra/observability/logger.ts';
import { Metrics } from './infra/observability/metrics.ts';
import { openCredentials } from './open-credentials.ts';
import { openHttp } from './open-http.ts';
import { moveFactors, openAccount, openIdentity } from './open-identity.ts';
import { openMailSender } from './open-mail-sender.ts';
import { openServices, type OpenServices } from './open-services.ts';
import type { DashboardBuild } from './surfaces/dashboard/index.ts';
import { auditJobs } from './surfaces/jobs/audit-jobs.ts';
import { createSchedule } from './surfaces/jobs/schedule.ts';
import { createExecutor } from './surfaces/local-holder/executor.ts';

/** A chain of the audit log that has moved is signed this long after the last time, milliseconds. */
const HEAD_AGE_MS = 3_600_000;

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
  /** Prints a line for a person; in development the links of mails that nobody sends. */
  say?: (line: string) => void;
}

/** Builds the whole server from its configuration. */
export async function createApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  const clock = overrides.clock ?? systemClock;
  const logger = createLogger(config.log.level);
  const metrics = new Metrics();
  const services = await openServices(config, { clock, logger, metrics });
  const { db } = services;
  const heads = new HeadKeeper(services, { everyEntries: config.audit.headsEntries, everyMs: HEAD_AGE_MS });
  await heads.open();
  const identity = openIdentity(config, services);
  const firstCredentials = await bootstrap(identity, config.identity);
  const account = openAccount(config, identity);
  await moveFactors(services, account);
  if (db.engine === 'pglite') await abandonLeases(services, ANY_SERVER);

  const executor = createExecutor(services, config.run.concurrency);
  const chores = startPgliteChores({ db, clock, logger });
  const schedule = createSchedule(
    services,
    config.lease.scanIntervalMs,
    auditJobs(services, heads, config.audit.retentionDays),
  );
  const mailSender = openMailSender(config, services, overrides.say);
  const flags = new FlagCache(services);
  const usage = new UsageCounter(services);
  const denials = new DenialLog(services);
  const credentials = openCredentials(config, services, identity);
  const doors = { identity, credentials, denials, account, flags, usage, metrics };
  const http = openHttp(config, services, doors, executor, logger, overrides);

  return {
    firstCredentials,
    services,
    http,
    async listen() {
      await http.listen({ host: config.http.host, port: config.http.port });
      executor.start();
      schedule.start();
      mailSender.start();
      usage.start();
      const { address, port, family } = http.server.address() as AddressInfo;
      return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    },
    async close() {
      schedule.stop();
      await Promise.all([http.close(), executor.stop(config.http.shutdownTimeoutMs / 2)]);
      await mailSender.stop(config.http.shutdownTimeoutMs / 4);
      await usage.stop();
      flags.close();
      await closeLinks(services);
      await chores.stop();
      await identity.sightings.close();
      await denials.close();
      await heads.close();
      await db.close();
    },
  };
}

/** What hears of other servers, and reaches beyond this one; the database is still needed after it. */
async function closeLinks({ log, signals, secrets, limits, bus, tools }: OpenServices): Promise<void> {
  log.close();
  signals.close();
  secrets.close();
  await limits.close();
  await Promise.all([bus.close(), tools.close()]);
}
