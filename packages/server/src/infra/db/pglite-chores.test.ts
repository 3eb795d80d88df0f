import { sql } from 'kysely';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ENGINES, freshPostgres, silentLogger } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Db } from '../../core/ports.ts';
import { openDb } from './index.ts';
import { startPgliteChores } from './pglite-chores.ts';

const MB = 1024 * 1024;

describe('chores of the embedded database', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(db: Db) {
    closing.push(() => db.close());
    const clock = new ManualClock();
    const chores = startPgliteChores({ db, clock, logger: silentLogger });
    closing.push(() => chores.stop());
    return { clock, chores };
  }
  async function fillWal(db: Db, times: number): Promise<void> {
    await sql`create table bulk (pad text)`.execute(db.kysely);
    for (let i = 0; i < times; i += 1) {
      await sql`insert into bulk select repeat(md5(n::text), 30) from generate_series(1, 20000) n`.execute(
        db.kysely,
      );
      await sql`truncate bulk`.execute(db.kysely);
    }
  }

  test('a large write-ahead log is noticed and cut down by a checkpoint', async () => {
    const db = await openDb({ dataDir: null });
    const { clock, chores } = await start(db);
    await fillWal(db, 10);
    const before = await chores.walBytes();
    expect(before).toBeGreaterThan(150 * MB);
    clock.advance(30_000);
    await vi.waitFor(async () => expect(await chores.walBytes()).toBeLessThan(100 * MB), 10_000);
  }, 60_000);

  test('dead rows are reclaimed on schedule', async () => {
    const db = await openDb({ dataDir: null });
    const { clock } = await start(db);
    await sql`create table victims (n int)`.execute(db.kysely);
    await sql`insert into victims select generate_series(1, 50000)`.execute(db.kysely);
    await sql`delete from victims`.execute(db.kysely);
    const size = async () =>
      (await sql<{ n: number }>`select pg_relation_size('victims') as n`.execute(db.kysely)).rows[0]!.n;
    expect(await size()).toBeGreaterThan(MB);
    clock.advance(15 * 60_000);
    await vi.waitFor(async () => expect(await size()).toBe(0), 10_000);
  }, 60_000);

  test('after stop nothing is due', async () => {
    const { clock, chores } = await start(await openDb({ dataDir: null, skipMigrations: true }));
    expect(clock.pendingCount).toBe(3);
    await chores.stop();
    expect(clock.pendingCount).toBe(0);
  });

  test.skipIf(!ENGINES.includes('postgres'))('PostgreSQL is left to itself', async () => {
    const db = await openDb({ databaseUrl: await freshPostgres(), dataDir: null, skipMigrations: true });
    const { clock } = await start(db);
    expect(clock.pendingCount).toBe(0);
  });
});
