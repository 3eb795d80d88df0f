import type { Duplex } from 'node:stream';
import type { PoolClient } from 'pg';
import type { Tx } from '../../core/ports.ts';
import { together } from '../../core/together.ts';
import { kyselyOver, type Run } from './kysely-over.ts';
import { isConnectionLost } from './transient.ts';

/** Whether the transaction that encloses the current call still takes statements. */
export interface Scope {
  open: boolean;
}

/** A commit whose outcome is unknown must not be repeated blindly. */
export class CommitLost extends Error {
  override readonly name = 'CommitLost';
}

/**
 * Runs `work` between begin and commit, and gives the connection back.
 * @throws CommitLost when nobody knows whether it was committed
 */
export async function runTransaction<T>(
  client: PoolClient,
  work: (scope: Scope, tx: Tx) => Promise<T>,
): Promise<T> {
  const hooks: (() => void)[] = [];
  const scope: Scope = { open: true };
  let committed: Promise<void> | null = null;
  const run: Run = async (config) => {
    if (!scope.open) throw new Error('A query came after the end of its transaction.');
    joinWrites(client);
    return (await client.query(config)) as never;
  };
  const end = (): Promise<void> => {
    scope.open = false;
    return (committed ??= commit(client));
  };
  const tx: Tx = {
    kysely: kyselyOver(run),
    query: async (statement, values) =>
      (await run<never>({ ...statement, values: values as unknown[] })).rows,
    afterCommit: (hook) => void hooks.push(hook),
    last(statements) {
      let refused = false;
      for (const statement of statements) Promise.resolve(statement).catch(() => (refused = true));
      const { stream } = connectionOf(client);
      stream.cork();
      // Whatever could not even be sent has failed by then, and the commit must not be.
      process.nextTick(() => {
        if (!refused) end().catch(() => {});
        stream.uncork();
      });
      return together(statements);
    },
  };
  let result: T;
  try {
    const begun = begin(client);
    result = await work(scope, tx);
    await begun;
    await end();
  } catch (error) {
    scope.open = false;
    client.release(isBroken(error) || !(await rollBack(client)));
    // Without its answer nobody knows what became of a commit that was on its way.
    if (committed !== null && isBroken(error) && !(error instanceof CommitLost)) {
      throw new CommitLost('The connection was lost during commit.', { cause: error });
    }
    throw error;
  }
  client.release();
  runHooks(hooks);
  return result;
}

function connectionOf(client: PoolClient): { stream: Duplex } {
  return (client as unknown as { connection: { stream: Duplex } }).connection;
}

/** Statements of one tick leave in one write: a system call costs as much as a small statement. */
function joinWrites(client: PoolClient): void {
  const { stream } = connectionOf(client);
  if (stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** Not waited for: it leaves in one write with the first statement. That one fails if this does. */
function begin(client: PoolClient): Promise<unknown> {
  joinWrites(client);
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
export function isBroken(error: unknown): boolean {
  const timedOut = error instanceof Error && error.message === 'Query read timeout';
  return timedOut || error instanceof CommitLost || isConnectionLost(error);
}
