import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Ctx, Principal, Scope, Services } from '../src/core/context.ts';
import { EventLog } from '../src/core/log/index.ts';
import type { Bus, Clock, Db, KeyRing, Logger, Notary } from '../src/core/ports.ts';
import { Signals } from '../src/core/signal/index.ts';
import { createSecrets } from '../src/features/secret/index.ts';
import { createTools } from '../src/features/tool/index.ts';
import { createLocalBus } from '../src/infra/bus/local-bus.ts';
import { systemClock } from '../src/infra/clock/system-clock.ts';
import { openDb } from '../src/infra/db/index.ts';
import { createModels } from '../src/infra/model/index.ts';
import { createOutbound } from '../src/infra/net/index.ts';
import { testNotary } from './audit.ts';
import { testKeyRing } from './key-ring.ts';
import { testLimits } from './limits.ts';

export type Engine = Db['engine'];

/** The engines this machine can test: PostgreSQL where a server was found. */
export const ENGINES: Engine[] =
  process.env['TEST_DATABASE_URL'] === undefined ? ['pglite'] : ['pglite', 'postgres'];

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export interface Harness {
  readonly db: Db;
  readonly services: Services;
  /** A fresh tenant with one project. */
  createTenant(): Promise<{ tenantId: string; projectId: string }>;
  /** Who may do what in that tenant; all scopes unless said otherwise. */
  ctxFor(input: { tenantId: string; scopes?: Scope[]; actor?: string; services?: Services }): Ctx;
  /** Another server on the same database, with its own log hub. */
  otherServices(input?: {
    bus?: Bus;
    clock?: Clock;
    pollIntervalMs?: number;
    keyRing?: KeyRing;
    notary?: Notary;
  }): Services;
  close(): Promise<void>;
}

const shared = new Map<Engine, Promise<Db>>();

/** One database per engine and test process: opening one costs seconds, a tenant nothing. */
function sharedDb(engine: Engine): Promise<Db> {
  let db = shared.get(engine);
  if (db === undefined) shared.set(engine, (db = emptyDb(engine)));
  return db;
}

async function emptyDb(engine: Engine): Promise<Db> {
  return openDb({ dataDir: null, ...(engine === 'postgres' ? { databaseUrl: await freshPostgres() } : {}) });
}

/** @returns URL of a new, empty database on the test server. */
export async function freshPostgres(): Promise<string> {
  const url = new URL(process.env['TEST_DATABASE_URL']!);
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  url.pathname = `/${name}`;
  return url.href;
}

export interface HarnessOptions {
  engine?: Engine;
  clock?: Clock;
  bus?: Bus;
  pollIntervalMs?: number;
  /** A database that no other test file writes to, for what looks at more than one tenant. */
  ownDb?: boolean;
}

/** A real database with everything the verbs need, and as many tenants as a test wants. */
export async function openHarness(options: HarnessOptions = {}): Promise<Harness> {
  const { engine = 'pglite', ownDb = false } = options;
  const db = await (ownDb ? emptyDb(engine) : sharedDb(engine));
  const opened: Services[] = [];
  const build: Harness['otherServices'] = ({
    bus,
    clock,
    pollIntervalMs,
    keyRing = testKeyRing(),
    notary,
  } = {}) => {
    const parts = {
      db,
      bus: bus ?? createLocalBus(),
      clock: clock ?? systemClock,
      logger: silentLogger,
      keyRing,
    };
    const services: Services = {
      ...parts,
      notary: notary ?? testNotary(),
      limits: testLimits(parts),
      secrets: createSecrets(parts),
      log: new EventLog({ ...parts, pollIntervalMs }),
      signals: new Signals(parts.bus),
      models: createModels(
        { defaultModels: ['offline'], offlineTokenDelayMs: 0, timeoutMs: 10_000 },
        silentLogger,
      ),
      tools: createTools({ outbound: createOutbound() }, silentLogger),
      settings: {
        leaseTtlMs: 15_000,
        maxRecoveries: 5,
        publicUrl: 'http://holdfast.test',
        showsMail: true,
      },
    };
    opened.push(services);
    return services;
  };
  const services = build(options);
  return {
    db,
    services,
    otherServices: build,
    async createTenant() {
      const tenantId = randomUUID();
      const projectId = randomUUID();
      await db.kysely.insertInto('tenants').values({ id: tenantId, name: 'Test' }).execute();
      await db.kysely
        .insertInto('projects')
        .values({ tenant_id: tenantId, id: projectId, name: 'Test' })
        .execute();
      return { tenantId, projectId };
    },
    ctxFor({ tenantId, scopes = ['read', 'write', 'hold', 'admin'], actor = 'key:test', services: own }) {
      const principal: Principal = {
        kind: 'api_key',
        tenantId,
        actor,
        userId: null,
        scopes: new Set(scopes),
        expiresAt: null,
      };
      return { ...(own ?? services), principal, requestId: randomUUID() };
    },
    async close() {
      for (const each of opened) each.log.close();
      if (ownDb) await db.close();
    },
  };
}
