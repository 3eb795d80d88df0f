import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { openDb, type DbOptions } from '../src/infra/db/index.ts';
import { freshPostgres, type Engine } from './harness.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');
const READY = /Holdfast is ready at (http:\S+)/;

/** A server process whose every sink can be read: what it answers, what it writes, what it stores. */
export interface WatchedServer {
  url: string;
  /** Of the owner whom the first start made. */
  apiKey: string;
  /** Heads and bodies of all answers so far, each with the call it belongs to. */
  answers: { call: string; text: string }[];
  /** Standard output and standard error, at the lowest log level. */
  output(): string;
  send(method: string, path: string, init?: RequestInit): Promise<Response>;
  /** Ends it and reads its whole database, row by row as text. @returns a line for each row */
  stopAndDump(): Promise<{ table: string; row: string }[]>;
  close(): Promise<void>;
}

export async function startWatched(engine: Engine, env: Record<string, string>): Promise<WatchedServer> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-leak-'));
  const databaseUrl = engine === 'postgres' ? await freshPostgres() : undefined;
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      DATA_DIR: folder,
      HOST: '127.0.0.1',
      PORT: '0',
      DASHBOARD: 'false',
      LOG_LEVEL: 'trace',
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
      ...env,
    },
  });
  let written = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => void (written += chunk.toString()));
  }
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => {
      const found = /API key +\S+/.test(written) && READY.exec(written)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}: ${written}`)));
  });
  const answers: WatchedServer['answers'] = [];
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  return {
    url,
    apiKey: /API key +(\S+)/.exec(written)![1]!,
    answers,
    output: () => written,
    async send(method, path, init) {
      const response = await fetch(url + path, { method, ...init });
      const text = await response.clone().text();
      answers.push({ call: `${method} ${path}`, text: `${JSON.stringify([...response.headers])} ${text}` });
      return response;
    },
    async stopAndDump() {
      await stop();
      return dump({ dataDir: folder, databaseUrl });
    },
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function dump(options: DbOptions): Promise<{ table: string; row: string }[]> {
  const db = await openDb(options);
  try {
    const names = await sql<{ name: string }>`
      select quote_ident(schemaname) || '.' || quote_ident(relname) as name from pg_stat_user_tables order by 1
    `.execute(db.kysely);
    const rows: { table: string; row: string }[] = [];
    for (const { name } of names.rows) {
      const found = await sql<{ row: string }>`select t::text as row from ${sql.raw(name)} t`.execute(
        db.kysely,
      );
      rows.push(...found.rows.map(({ row }) => ({ table: name, row })));
    }
    return rows;
  } finally {
    await db.close();
  }
}
