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
import type { Tables } from '../../core/tables.ts';

/** Sends one statement and waits for its answer. */
export type Run = <Row>(config: {
  text: string;
  name?: string;
  values: unknown[];
}) => Promise<{ rows: Row[]; rowCount: number | null }>;

/** A Kysely whose every query goes through `run`; transactions belong to `Db.transaction` alone. */
export function kyselyOver(run: Run): Kysely<Tables> {
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
