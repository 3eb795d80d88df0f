import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely';
import type { Duplex } from 'node:stream';
import type { Pool, PoolClient } from 'pg';
import type { Db, Statement, Tx } from '../../core/ports.ts';
import type { Tables } from '../../core/tables.ts';
import { backoffMs, isConnectionLost, isRetryable, isUniqueViolation } from './transient.ts';

type Run = <Row>(config: {
  text: string;
  name?: string;
  values: unknown[];
}) => Promise<{ rows: Row[]; rowCount: number | null }>;

const MAX_ATTEMPTS = 6;

/** A commit whose outcome is unknown must not be repeated blindly. */
class CommitLost extends Error {
  override readonly name = 'CommitLost';
}

/** A Kysely whose every query goes through `run`; transactions belong to `Db.transaction` alone. */
function kyselyOver(run: Run): Kysely<Tables> {
  const connection: DatabaseConnection = {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      const { rows, rowCount } = await run<R>({ text: query.sql, values: query.parameters as unknown[] });
      return { rows, numAffectedRows: BigInt(rowCount ?? 0) };
    },
    streamQuery: () => {
      throw new Error('Streaming queries are not supported.');
    },
  };
  const refuse = () => Promise.reject(new Error('Use Db.transaction.'));
  const driver: Driver = {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: async () => {},
    destroy: async () => {},
  };
  const dialect: Dialect = {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
  return new Kysely<Tables>({ dialect });
}

/** The `Db` port over a `pg` pool, whichever engine answers behind it. */
export class Database implements Db {
  readonly engine: 'pglite' | 'postgres';
  readonly kysely: Kysely<Tables>;
  readonly #pool: Pool;
  readonly #dispose: () => Promise<void>;
  readonly #inside = new AsyncLocalStorage<{ open: boolean }>();

  readonly #migrate: (pool: Pool) => Promise<void>;

  constructor(
    engine: 'pglite' | 'postgres',
    pool: Pool,
    dispose: () => Promise<void>,
    runMigrations: (pool: Pool) => Promise<void>,
  ) {
    this.engine = engine;
    this.#pool = pool;
    this.#dispose = dispose;
    this.#migrate = runMigrations;
    this.kysely = kyselyOver((config) => this.#single(config));
  }

  async query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const { rows } = await this.#single<Row>({ ...statement, values: values as unknown[] });
    return rows;
  }

  async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    this.refuseInside('A transaction');
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(work);
      } catch (error) {
        if (error instanceof CommitLost) throw error.cause;
        if (!isRetryable(error) || attempt >= MAX_ATTEMPTS) throw error;
        await sleep(backoffMs(attempt));
      }
    }
  }

  refuseInside(what: string): void {
    if (this.#inside.getStore()?.open !== true) return;
    throw new Error(`${what} was called inside a transaction; use tx, or call it after the commit.`);
  }

  isTransient(error: unknown): boolean {
    return isRetryable(error);
  }

  isDuplicate(error: unknown): boolean {
    return isUniqueViolation(error);
  }

  /** Brings the schema to the newest migration. */
  migrate(): Promise<void> {
    return this.#migrate(this.#pool);
  }

  async close(): Promise<void> {
    await this.#pool.end();
    await this.#dispose();
  }

  /** One statement on its own: a plain select may be repeated, anything else may have taken effect. */
  async #single<Row>(config: Parameters<Run>[0]): Promise<{ rows: Row[]; rowCount: number | null }> {
    this.refuseInside('A query on db');
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once<Row>(config);
      } catch (error) {
        const repeatable = isConnectionLost(error) && /^\s*select\b/i.test(config.text);
        if (!repeatable || attempt >= MAX_ATTEMPTS) throw error;
        await sleep(backoffMs(attempt));
      }
    }
  }

  async #once<Row>(config: Parameters<Run>[0]): Promise<{ rows: Row[]; rowCount: number | null }> {
    const client = await this.#connect();
    try {
      const result = await client.query(config);
      client.release();
      return result as { rows: Row[]; rowCount: number | null };
    } catch (error) {
      client.release(isBroken(error));
      throw error;
    }
  }

  async #attempt<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    const hooks: (() => void)[] = [];
    const scope = { open: true };
    const run: Run = async (config) => {
      if (!scope.open) throw new Error('A query came after the end of its transaction.');
      return (await client.query(config)) as never;
    };
    const tx: Tx = {
      kysely: kyselyOver(run),
      query: async (statement, values) =>
        (await run<never>({ ...statement, values: values as unknown[] })).rows,
      afterCommit: (hook) => void hooks.push(hook),
    };
    let result: T;
    try {
      const begun = begin(client);
      result = await this.#inside.run(scope, () => work(tx));
      scope.open = false;
      await begun;
      await commit(client);
    } catch (error) {
      scope.open = false;
      client.release(isBroken(error) || !(await rollBack(client)));
      throw error;
    }
    client.release();
    runHooks(hooks);
    return result;
  }

  async #connect(): Promise<PoolClient> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#pool.connect();
      } catch (error) {
        if (!isConnectionLost(error) || attempt >= MAX_ATTEMPTS) throw error;
        await sleep(backoffMs(attempt));
      }
    }
  }
}

/** Not waited for: it leaves in one write with the first statement. That one fails if this does. */
function begin(client: PoolClient): Promise<unknown> {
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
  const begun = client.query('begin');
  begun.catch(() => {});
  return begun;
}

async function commit(client: PoolClient): Promise<void> {
  try {
    const { command } = await client.query('commit');
    if (command !== 'COMMIT') throw new Error('The transaction was rolled back by the database.');
  } catch (error) {
    if (isBroken(error)) {
      throw new CommitLost('The connection was lost during commit.', { cause: error });
    }
    throw error;
  }
}

/** @returns whether the connection can be used again. */
async function rollBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query('rollback');
    return true;
  } catch {
    return false;
  }
}

/** The transaction is committed whatever its hooks do: none of them may make it look failed. */
function runHooks(hooks: readonly (() => void)[]): void {
  for (const hook of hooks) {
    try {
      hook();
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** After the driver gave up waiting, the connection still owes an answer and cannot be used again. */
function isBroken(error: unknown): boolean {
  const timedOut = error instanceof Error && error.message === 'Query read timeout';
  return timedOut || error instanceof CommitLost || isConnectionLost(error);
}
