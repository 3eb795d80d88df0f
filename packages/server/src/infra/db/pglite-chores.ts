import { sql } from 'kysely';
import type { Clock, Db, Logger } from '../../core/ports.ts';

const CHECKPOINT_MS = 5 * 60_000;
const VACUUM_MS = 15 * 60_000;
const WAL_LOOK_MS = 30_000;
const WAL_LARGE_BYTES = 128 * 1024 * 1024;

export interface PgliteChores {
  /** Writes out what the log of changes holds and lets its files be reused. */
  checkpoint(): Promise<void>;
  /** Reclaims dead rows and renews statistics, one table after another so that queries get between. */
  vacuum(): Promise<void>;
  /** Bytes of write-ahead log on disk. */
  walBytes(): Promise<number>;
  /** Ends the schedule; resolves when no chore is running. */
  stop(): Promise<void>;
}

/**
 * PGlite has no background processes, so the server checkpoints and vacuums for it.
 * On PostgreSQL nothing is scheduled: it does both by itself.
 */
export function startPgliteChores(options: { db: Db; clock: Clock; logger: Logger }): PgliteChores {
  const { db, clock, logger } = options;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  async function checkpoint(): Promise<void> {
    await sql`checkpoint`.execute(db.kysely);
  }
  async function vacuum(): Promise<void> {
    for (const table of await listTables(db)) {
      if (stopped) return;
      await sql`vacuum (analyze) ${sql.table(table)}`.execute(db.kysely);
    }
  }
  const walBytes = () => measureWal(db);
  async function checkpointIfLarge(): Promise<void> {
    if ((await walBytes()) > WAL_LARGE_BYTES) await checkpoint();
  }

  /** One chore at a time; a failed one is tried again when it is next due. */
  function schedule(name: string, ms: number, chore: () => Promise<void>): { cancel(): void } {
    let queued = false;
    return clock.every(ms, () => {
      if (queued) return;
      queued = true;
      running = running
        .then(() => (stopped ? undefined : chore()))
        .catch((error: unknown) => logger.warn({ err: error, chore: name }, 'a database chore failed'))
        .finally(() => (queued = false));
    });
  }

  const timers =
    db.engine === 'postgres'
      ? []
      : [
          schedule('look at the WAL', WAL_LOOK_MS, checkpointIfLarge),
          schedule('checkpoint', CHECKPOINT_MS, checkpoint),
          schedule('vacuum', VACUUM_MS, vacuum),
        ];

  return {
    checkpoint,
    vacuum,
    walBytes,
    stop() {
      stopped = true;
      for (const timer of timers) timer.cancel();
      return running;
    },
  };
}

async function measureWal(db: Db): Promise<number> {
  const { rows } = await sql<{ bytes: string }>`select coalesce(sum(size), 0)::text as bytes
    from pg_ls_waldir()`.execute(db.kysely);
  return Number(rows[0]?.bytes ?? 0);
}

async function listTables(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select c.relname as name from pg_class c
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace order by 1`.execute(db.kysely);
  return rows.map((row) => row.name);
}
