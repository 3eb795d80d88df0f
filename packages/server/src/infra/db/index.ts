import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Database } from './database.ts';
import { lockFolder } from './folder-lock.ts';
import { migrate } from './migrate.ts';
import { PgliteEngine } from './pglite-engine.ts';
import { PgliteStream } from './pglite-stream.ts';
import { backoffMs, isConnectionLost } from './transient.ts';

export interface DbOptions {
  /** PostgreSQL; without it the embedded PGlite is used. */
  databaseUrl?: string;
  /** Folder of the embedded database, or null to keep it in memory. */
  dataDir: string | null;
  poolMax?: number;
  /** Milliseconds. PostgreSQL cancels the query; PGlite finishes it but the caller is let go. */
  queryTimeoutMs?: number;
  /** For tests that prepare the schema themselves. */
  skipMigrations?: boolean;
}

const JSON_OID = 114;
const BIGINT_OID = 20;
const TIMEOUT_GRACE_MS = 1000;
const START_PATIENCE_MS = 8000;

// JSON stays text so that it reaches followers byte for byte; bigints here count far below 2^53.
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === JSON_OID) return (text: string) => text;
    if (oid === BIGINT_OID) return Number;
    return pg.types.getTypeParser(oid, format as 'text');
  },
} as pg.CustomTypesConfig;

/**
 * Opens the database and brings its schema up to date.
 * @throws when the server cannot be reached for eight seconds, the folder is in use, or a migration fails.
 */
export async function openDb(options: DbOptions): Promise<Database> {
  const db =
    options.databaseUrl === undefined
      ? await openEmbedded(options)
      : openServer(options, options.databaseUrl);
  try {
    if (options.skipMigrations !== true) await migrateWhenUp(db);
    return db;
  } catch (error) {
    await db.close();
    throw isConnectionLost(error) ? unreachable(options.databaseUrl, error) : error;
  }
}

/** Names the server but not the credentials of its URL. */
function unreachable(databaseUrl = '', cause: unknown): Error {
  const { host, pathname } = URL.canParse(databaseUrl) ? new URL(databaseUrl) : { host: '', pathname: '' };
  const why = cause instanceof Error && cause.message !== '' ? cause.message : 'no answer';
  return new Error(`Holdfast cannot reach the database at ${host}${pathname} (DATABASE_URL): ${why}.`, {
    cause,
  });
}

/** A PostgreSQL that is starting too, after a reboot or a crash of its own, is waited for. */
async function migrateWhenUp(db: Database): Promise<void> {
  const giveUpAt = performance.now() + START_PATIENCE_MS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.migrate();
    } catch (error) {
      const worthWaiting = db.engine === 'postgres' && isConnectionLost(error);
      if (!worthWaiting || performance.now() > giveUpAt) throw error;
      await sleep(backoffMs(attempt));
    }
  }
}

function openServer(options: DbOptions, databaseUrl: string): Database {
  const timeout = options.queryTimeoutMs ?? 10_000;
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: options.poolMax ?? 10,
    // Statements that do not wait for each other share a round trip.
    pipeline: true,
    types,
    statement_timeout: timeout,
    query_timeout: timeout + TIMEOUT_GRACE_MS,
    idle_in_transaction_session_timeout: timeout * 3,
    connectionTimeoutMillis: 5000,
    application_name: 'holdfast',
  });
  tolerateLoss(pool);
  return new Database(
    'postgres',
    pool,
    async () => {},
    () => migrateServer(databaseUrl),
  );
}

async function openEmbedded(options: DbOptions): Promise<Database> {
  const unlock = options.dataDir === null ? () => {} : lockFolder(options.dataDir);
  let engine: PgliteEngine;
  try {
    engine = await PgliteEngine.open(options.dataDir === null ? null : join(options.dataDir, 'pgdata'));
  } catch (error) {
    unlock();
    throw error;
  }
  const pool = new pg.Pool({
    // Named statements of several connections would collide in the one engine.
    max: 1,
    user: 'postgres',
    database: 'postgres',
    pipeline: true,
    types,
    query_timeout: options.queryTimeoutMs ?? 10_000,
    stream: () => new PgliteStream(engine) as never,
  });
  tolerateLoss(pool);
  const dispose = async (): Promise<void> => {
    await engine.close();
    unlock();
  };
  return new Database('pglite', pool, dispose, migrate);
}

/** On a connection without time-outs: a migration, or waiting for another server's, may take longer than a query. */
async function migrateServer(databaseUrl: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1, connectionTimeoutMillis: 5000 });
  tolerateLoss(pool);
  try {
    await migrate(pool);
  } finally {
    await pool.end();
  }
}

/**
 * A connection that dies is noticed by its next query and replaced. Without listeners its `error`
 * event would end the process, also while it is checked out and between two queries.
 */
function tolerateLoss(pool: pg.Pool): void {
  pool.on('error', () => {});
  pool.on('connect', (client) => void client.on('error', () => {}));
}
