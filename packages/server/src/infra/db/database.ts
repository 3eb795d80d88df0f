import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import type { Db, Statement, Tx } from '../../core/ports.ts';
import type { Tables } from '../../core/tables.ts';
import { kyselyOver, type Run } from './kysely-over.ts';
import { CommitLost, isBroken, runTransaction, type Scope } from './transaction.ts';
import { backoffMs, isConnectionLost, isRetryable, isUniqueViolation } from './transient.ts';

const MAX_ATTEMPTS = 6;

/** The `Db` port over a `pg` pool, whichever engine answers behind it. */
export class Database implements Db {
  readonly engine: 'pglite' | 'postgres';
  readonly kysely: Kysely<Tables>;
  readonly #pool: Pool;
  readonly #dispose: () => Promise<void>;
  readonly #inside = new AsyncLocalStorage<Scope>();

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
    return runTransaction(client, (scope, tx) => this.#inside.run(scope, () => work(tx)));
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
