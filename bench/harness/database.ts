import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openDb } from '../../packages/server/src/infra/db/index.ts';
import type { Bench, Engine } from './bench.ts';

export type Database = Awaited<ReturnType<typeof openDb>>;

async function asAdministrator(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

/** An empty database on the private server. */
export async function createDatabase(adminUrl: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `bench_${randomUUID().replaceAll('-', '')}`;
  await asAdministrator(adminUrl, `create database ${name}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => asAdministrator(adminUrl, `drop database ${name} with (force)`) };
}

export async function createFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export interface Opened {
  db: Database;
  /** Null for PGlite. */
  url: string | null;
  close(): Promise<void>;
}

/** The server's own database layer over an empty database, in this process. */
export async function openDatabase(bench: Bench, engine: Engine): Promise<Opened> {
  const folder = await createFolder();
  const server = engine === 'postgres' ? await createDatabase(bench.postgresUrl!) : null;
  const db = await openDb({ dataDir: folder.path, databaseUrl: server?.url });
  return {
    db,
    url: server?.url ?? null,
    async close() {
      await db.close();
      await server?.drop();
      await folder.remove();
    },
  };
}
