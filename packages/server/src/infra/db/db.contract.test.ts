import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ENGINES, freshPostgres } from '../../../test/harness.ts';
import { runBeside } from '../../../test/pg-doors.ts';
import type { Db, Statement } from '../../core/ports.ts';
import { openDb } from './index.ts';

const INSERT: Statement = {
  name: 'test_insert',
  text: 'insert into things (id, data) values ($1, $2::text::json)',
};
const SELECT: Statement = { name: 'test_select', text: 'select id, data from things where id = $1' };
const ALL: Statement = { name: 'test_all', text: 'select id from things order by id' };

const TIMEOUT_MS = 1000;

describe.each(ENGINES)('database on %s', (engine) => {
  let db: Db;
  let url: string | undefined;

  beforeAll(async () => {
    url = engine === 'postgres' ? await freshPostgres() : undefined;
    db = await openDb({ databaseUrl: url, dataDir: null, queryTimeoutMs: TIMEOUT_MS });
    await sql`create table things (id int primary key, data json)`.execute(db.kysely);
  });
  afterAll(() => db.close());
  afterEach(async () => {
    await sql`truncate things`.execute(db.kysely);
  });

  const ids = async () => (await db.query<{ id: number }>(ALL, [])).map((row) => row.id);

  test('a transaction commits all of it, or rolls back all of it', async () => {
    const result = await db.transaction(async (tx) => {
      await tx.query(INSERT, [1, '{}']);
      await tx.query(INSERT, [2, '{}']);
      return 'done';
    });
    expect(result).toBe('done');
    const failing = db.transaction(async (tx) => {
      await tx.query(INSERT, [3, '{}']);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await ids()).toEqual([1, 2]);
  });

  test('hooks run after the commit, in order, and never after a rollback', async () => {
    const ran: string[] = [];
    await db.transaction(async (tx) => {
      tx.afterCommit(() => void ran.push('first'));
      tx.afterCommit(() => void ran.push('second'));
      await tx.query(INSERT, [1, '{}']);
      expect(ran).toEqual([]);
    });
    expect(ran).toEqual(['first', 'second']);
    const failing = db.transaction(async (tx) => {
      tx.afterCommit(() => void ran.push('never'));
      await tx.query(INSERT, [1, '{}']);
    });
    await expect(failing).rejects.toThrow();
    expect(ran).toEqual(['first', 'second']);
  });

  test('a hook that throws neither stops the others nor makes the commit look failed', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const ran: string[] = [];
    await db.transaction(async (tx) => {
      tx.afterCommit(() => {
        throw new Error('hook broke');
      });
      tx.afterCommit(() => void ran.push('second'));
      await tx.query(INSERT, [1, '{}']);
    });
    expect([ran, await ids(), warned.mock.calls.length]).toEqual([['second'], [1], 1]);
    warned.mockRestore();
  });

  test('a transaction that went on after a failed statement does not look committed', async () => {
    const swallowing = db.transaction(async (tx) => {
      await tx.query(INSERT, [1, '{}']);
      await tx.query(INSERT, [1, '{}']).catch(() => {});
    });
    await expect(swallowing).rejects.toThrow(/rolled back/);
    expect(await ids()).toEqual([]);
  });

  describe('the last statements, sent with the commit', () => {
    test('commit, and their results are the result', async () => {
      const ran: string[] = [];
      const result = await db.transaction(async (tx) => {
        tx.afterCommit(() => void ran.push('hook'));
        await tx.query(INSERT, [1, '{}']);
        return tx.last([tx.query(INSERT, [2, '{}']), tx.query<{ id: number }>(ALL, []), null]);
      });
      expect(result).toEqual([[], [{ id: 1 }, { id: 2 }], null]);
      expect([await ids(), ran]).toEqual([[1, 2], ['hook']]);
    });

    test('roll back when the database refuses one of them', async () => {
      const ran: string[] = [];
      const work = db.transaction(async (tx) => {
        tx.afterCommit(() => void ran.push('hook'));
        return tx.last([
          tx.query(INSERT, [1, '{}']),
          tx.query(INSERT, [1, '{}']),
          tx.query(INSERT, [2, '{}']),
        ]);
      });
      const error: unknown = await work.catch((thrown: unknown) => thrown);
      expect(db.isDuplicate(error)).toBe(true);
      expect([await ids(), ran]).toEqual([[], []]);
    });

    test('roll back when one of them fails before it is sent', async () => {
      const refuse = async (): Promise<never> => {
        throw new Error('not sent');
      };
      const work = db.transaction(async (tx) => tx.last([tx.query(INSERT, [1, '{}']), refuse()]));
      await expect(work).rejects.toThrow('not sent');
      expect(await ids()).toEqual([]);
    });

    test('take none after them', async () => {
      const work = db.transaction(async (tx) => {
        await tx.last([tx.query(INSERT, [1, '{}'])]);
        await tx.query(INSERT, [2, '{}']);
      });
      await expect(work).rejects.toThrow(/after the end/);
      expect(await ids()).toEqual([1]);
    });
  });

  test('a transaction or query beside the one it is called in is refused at once', async () => {
    await expect(db.transaction(() => db.transaction(async () => {}))).rejects.toThrow(
      /inside a transaction/,
    );
    await expect(db.transaction(() => db.query(ALL, []))).rejects.toThrow(/inside a transaction/);
    await expect(db.transaction(() => db.kysely.selectFrom('tenants').selectAll().execute())).rejects.toThrow(
      /inside a transaction/,
    );
    await expect(db.transaction(async () => db.refuseInside('This'))).rejects.toThrow(/^This was called/);
    expect(() => db.refuseInside('This')).not.toThrow();
  });

  test('a transaction cannot be used after its end', async () => {
    const tx = await db.transaction(async (own) => own);
    await expect(tx.query(ALL, [])).rejects.toThrow(/after the end/);
    await expect(tx.kysely.selectFrom('tenants').selectAll().execute()).rejects.toThrow(/after the end/);
  });

  test('failures are told apart', async () => {
    await db.query(INSERT, [1, '{}']);
    const twin = await db.query(INSERT, [1, '{}']).catch((error: unknown) => error);
    expect([db.isDuplicate(twin), db.isTransient(twin)]).toEqual([true, false]);
    const wrong = await sql`select no_such_column`.execute(db.kysely).catch((error: unknown) => error);
    expect([db.isDuplicate(wrong), db.isTransient(wrong)]).toEqual([false, false]);
    for (const state of ['40001', '40P01']) {
      const raise = sql.raw(`do $$ begin raise exception 'x' using errcode = '${state}'; end $$`);
      const error = await raise.execute(db.kysely).catch((thrown: unknown) => thrown);
      expect([db.isDuplicate(error), db.isTransient(error)]).toEqual([false, true]);
    }
  });

  test('a transaction that the database refused to serialise runs again', async () => {
    let attempts = 0;
    await db.transaction(async (tx) => {
      attempts += 1;
      await tx.query(INSERT, [attempts, '{}']);
      if (attempts < 3)
        await sql`do $$ begin raise exception 'x' using errcode = '40001'; end $$`.execute(tx.kysely);
    });
    expect([attempts, await ids()]).toEqual([3, [3]]);
  });

  test('json passes byte for byte, numbers as numbers', async () => {
    const texts = [
      '{"b":1,  "a":2,"b":3}',
      '{"nul":"\\u0000","lone":"\\ud800","text":"ü😀\\n"}',
      '[1.0,1e400,12345678901234567890]',
    ];
    for (const [id, text] of texts.entries()) await db.query(INSERT, [id, text]);
    for (const [id, text] of texts.entries())
      expect(await db.query(SELECT, [id])).toEqual([{ id, data: text }]);
    const { rows } = await sql<{ n: number }>`select 9007199254740991::bigint as n`.execute(db.kysely);
    expect(rows).toEqual([{ n: 9_007_199_254_740_991 }]);
  });

  test('one bad parameter leaves the connection usable', async () => {
    for (let i = 0; i < 3; i += 1) {
      await expect(db.query(INSERT, ['not a number', '{}'])).rejects.toThrow();
      await expect(db.query(INSERT, [1, 'not json'])).rejects.toThrow();
      await expect(db.query(INSERT, [1, '{}'])).resolves.toEqual([]);
      await sql`truncate things`.execute(db.kysely);
    }
  });

  test('a query that takes too long lets its caller go, and the next ones work', async () => {
    // PGlite cannot be interrupted: its query must end by itself.
    const slow =
      engine === 'postgres'
        ? sql`select pg_sleep(60)`
        : sql`select count(*) from generate_series(1, 10000000)`;
    const began = performance.now();
    await expect(slow.execute(db.kysely)).rejects.toThrow(/timeout/);
    const inside = db.transaction(async (tx) => {
      await tx.query(INSERT, [1, '{}']);
      await slow.execute(tx.kysely);
    });
    await expect(inside).rejects.toThrow(/timeout/);
    if (engine === 'postgres') expect(performance.now() - began).toBeLessThan(TIMEOUT_MS * 4);
    await vi.waitFor(async () => expect(await ids()).toEqual([]), 15_000);
    await Promise.all([1, 2, 3].map((id) => db.transaction((tx) => tx.query(INSERT, [id, '{}']))));
    expect(await ids()).toEqual([1, 2, 3]);
  });

  test('many at once wait for each other, and none for ever', async () => {
    const work = Array.from({ length: 60 }, (_, id) =>
      id % 2 === 0 ? db.query(INSERT, [id, '{}']) : db.transaction((tx) => tx.query(INSERT, [id, '{}'])),
    );
    await Promise.all(work);
    expect((await ids()).length).toBe(60);
  });

  // PGlite has one connection: there is nothing to be said of several.
  if (engine === 'postgres')
    describe('with several connections', () => {
      const killBackends = () =>
        runBeside(
          url!,
          `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`,
        );

      test('of two transactions in deadlock one runs again, and both commit', async () => {
        await db.query(INSERT, [1, '0']);
        await db.query(INSERT, [2, '0']);
        let attempts = 0;
        const both = { count: 0, met: Promise.withResolvers<void>() };
        // PostgreSQL looks for deadlocks after a second.
        const patient = await openDb({ databaseUrl: url, dataDir: null, skipMigrations: true });
        const add = (first: number, second: number) =>
          patient.transaction(async (tx) => {
            attempts += 1;
            await sql`update things set data = (data::text::int + 1)::text::json where id = ${first}`.execute(
              tx.kysely,
            );
            if ((both.count += 1) === 2) both.met.resolve();
            await both.met.promise;
            await sql`update things set data = (data::text::int + 1)::text::json where id = ${second}`.execute(
              tx.kysely,
            );
          });
        await Promise.all([add(1, 2), add(2, 1)]);
        await patient.close();
        expect(attempts).toBe(3);
        for (const id of [1, 2]) expect(await db.query(SELECT, [id])).toEqual([{ id, data: '2' }]);
      }, 20_000);

      test('idle connections that were cut are replaced', async () => {
        await Promise.all(Array.from({ length: 5 }, () => ids()));
        await killBackends();
        await expect(ids()).resolves.toEqual([]);
      });

      test('a transaction whose connection was cut before the commit runs again', async () => {
        let attempts = 0;
        await db.transaction(async (tx) => {
          attempts += 1;
          await tx.query(INSERT, [attempts, '{}']);
          if (attempts === 1) await killBackends();
          await tx.query(INSERT, [attempts + 10, '{}']);
        });
        expect([attempts, await ids()]).toEqual([2, [2, 12]]);
      });

      test('a transaction whose commit got no answer is reported, not repeated', async () => {
        await sql`create function cut() returns trigger language plpgsql as $$ begin
        perform pg_terminate_backend(pg_backend_pid()); return null; end $$`.execute(db.kysely);
        await sql`create constraint trigger cut after insert on things deferrable initially deferred
        for each row when (new.id = 77) execute function cut()`.execute(db.kysely);
        let attempts = 0;
        const work = db.transaction(async (tx) => {
          attempts += 1;
          await tx.query(INSERT, [77, '{}']);
        });
        await expect(work).rejects.toThrow(/terminat/);
        const sent = db.transaction(async (tx) => {
          attempts += 1;
          return tx.last([tx.query(INSERT, [77, '{}'])]);
        });
        await expect(sent).rejects.toThrow(/terminat/);
        expect(attempts).toBe(2);
        await sql`drop trigger cut on things`.execute(db.kysely);
      });

      test('several servers may migrate a new database at once', async () => {
        const fresh = await freshPostgres();
        const all = await Promise.all(
          Array.from({ length: 5 }, () => openDb({ databaseUrl: fresh, dataDir: null })),
        );
        for (const each of all) await each.kysely.selectFrom('events').selectAll().execute();
        await Promise.all(all.map((each) => each.close()));
        const { rows } = await runBeside(fresh, 'select name from schema_migrations');
        expect(new Set(rows.map((row: { name: string }) => row.name)).size).toBe(rows.length);
      }, 30_000);
    });
});

const WRITER = fileURLToPath(new URL('../../../test/db-writer.ts', import.meta.url));

function startWriter(url: string, dataDir: string, first: number) {
  const child = spawn(process.execPath, [WRITER, url, dataDir, String(first)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => void said.push(line));
  child.stderr.on('data', (text: Buffer) => void errors.push(text.toString()));
  const ended = once(child, 'close');
  return { child, said, ended, error: () => errors.join('') };
}

/** `TEST_KILL_ROUNDS` makes it longer. */
const ROUNDS = Number(process.env['TEST_KILL_ROUNDS'] ?? 3);

describe.each(ENGINES)('a process killed while it writes to %s', (engine) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-db-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test(`leaves every acknowledged row (${ROUNDS} rounds)`, { timeout: 30_000 * ROUNDS }, async () => {
    const url = engine === 'postgres' ? await freshPostgres() : '';
    const dataDir = engine === 'postgres' ? '' : join(folder, 'data');
    const acked: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const writer = startWriter(url, dataDir, round * 1_000_000);
      const enough = 30 + Math.floor(Math.random() * 200);
      await vi.waitFor(() => expect(writer.said.length, writer.error()).toBeGreaterThan(enough), {
        timeout: 25_000,
        interval: 1,
      });
      writer.child.kill('SIGKILL');
      await writer.ended;
      acked.push(...writer.said.slice(1).map(Number));
    }
    const db = await openDb({ databaseUrl: url || undefined, dataDir: dataDir || null });
    const { rows } = await sql<{
      n: number;
      size: number;
    }>`select n, length(pad) as size from written`.execute(db.kysely);
    await db.close();
    const sizes = new Map(rows.map((row) => [row.n, row.size]));
    const lost = acked.filter((n) => sizes.get(n) !== (n % 3000) + (n % 3 === 0 ? 1 : 0));
    expect(lost).toEqual([]);
    expect(acked.length).toBeGreaterThan(ROUNDS * 30);
    // At most the one in flight at each kill is there without having been acknowledged.
    expect(rows.length - acked.length).toBeLessThanOrEqual(ROUNDS);
  });
});

// A backend killed hard takes all others of its server with it, so never on one that is shared.
const ownServerPid = process.env['TEST_PG_PID'];

test.skipIf(ownServerPid === undefined)(
  'a server whose backend is killed hard loses nothing',
  async () => {
    const db = await openDb({ databaseUrl: await freshPostgres(), dataDir: null });
    await sql`create table written (n int primary key)`.execute(db.kysely);
    const acked: number[] = [];
    let attempts = 0;
    for (let n = 0; n < 60; n += 1) {
      await db.transaction(async (tx) => {
        attempts += 1;
        await sql`insert into written values (${n})`.execute(tx.kysely);
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx.kysely);
        if (n % 20 === 10 && attempts === n + 1 + Math.floor(n / 20)) killBackend(rows[0]!.pid);
        // The death must show before the commit: an unanswered commit would rightly be reported.
        await sql`select 1`.execute(tx.kysely);
      });
      acked.push(n);
    }
    const { rows } = await sql<{ n: number }>`select n from written order by n`.execute(db.kysely);
    expect(rows.map((row) => row.n)).toEqual(acked);
    expect(attempts).toBeGreaterThan(60);
    await db.close();
  },
  60_000,
);

function killBackend(pid: number): void {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  if (!status.includes(`PPid:\t${ownServerPid}\n`))
    throw new Error('This backend is not of the test server.');
  process.kill(pid, 'SIGKILL');
}

describe('the folder of the embedded database', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
  const dataDir = join(folder, 'data');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('is private, and a second process or a second opening is told who has it', async () => {
    const db = await openDb({ dataDir });
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    const writer = startWriter('', dataDir, 0);
    await writer.ended;
    expect(writer.said).toEqual([]);
    expect(writer.error()).toContain(
      `The folder ${dataDir} is open in another Holdfast process (pid ${process.pid})`,
    );
    await expect(openDb({ dataDir })).rejects.toThrow(/DATABASE_URL/);
    await db.kysely.selectFrom('tenants').selectAll().execute();
    await db.close();
    await (await openDb({ dataDir })).close();
  }, 30_000);

  test('that cannot be a folder is refused with its own reason', async () => {
    await expect(openDb({ dataDir: '/dev/null/data' })).rejects.toThrow(/ENOTDIR/);
  });
});

test('a database server that is not there is said so, within seconds', async () => {
  await expect(openDb({ databaseUrl: 'postgres://x@127.0.0.1:1/x', dataDir: null })).rejects.toThrow(
    /ECONNREFUSED/,
  );
}, 20_000);
