import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Engine } from './bench.ts';
import { Child } from './child.ts';
import { createDatabase, createFolder } from './database.ts';

const MAIN = join(import.meta.dirname, '../../packages/server/src/main.ts');
const PROBE = join(import.meta.dirname, '../process/probe.ts');
const SETTINGS = {
  PORT: '0',
  LOG_LEVEL: 'warn',
  DASHBOARD: 'false',
  LEASE_TTL_MS: '3600000',
  SSE_KEEPALIVE_MS: '600000',
  // Counted as in production, but never refused.
  RATE_LIMITS: '{"*":{"minute":1000000000}}',
};

export interface Server {
  url: string;
  apiKey: string;
  projectId: string;
  child: Child;
  stop(): Promise<void>;
}

/** Where a server keeps its data: one place for several servers, or one after the other. */
export interface Place {
  env: Record<string, string>;
  folder: string;
  remove(): Promise<void>;
}

export async function createPlace(bench: Bench, engine: Engine): Promise<Place> {
  const folder = await createFolder();
  const database = engine === 'postgres' ? await createDatabase(bench.postgresUrl!) : null;
  const env = { DATA_DIR: folder.path, ...(database === null ? {} : { DATABASE_URL: database.url }) };
  const remove = async (): Promise<void> => {
    await database?.drop();
    await folder.remove();
  };
  return { env, folder: folder.path, remove };
}

/** Starts this repository's server as a process; the environment of the caller does not reach it. */
export async function startServer(
  place: Place,
  env: Record<string, string> = {},
  { probe = true } = {},
): Promise<Server> {
  const execArgv = probe ? ['--expose-gc', '--import', PROBE] : [];
  const ready = /is ready at (http:\S+)/;
  const child = await Child.start(MAIN, { env: { ...SETTINGS, ...place.env, ...env }, execArgv, ready });
  const url = ready.exec(child.output)![1]!;
  const { api_key, project_id } = await readCredentials(place);
  return { url, apiKey: api_key!, projectId: project_id!, child, stop: () => child.stop() };
}

/** Written after the line that says the server is ready. */
async function readCredentials(place: Place): Promise<Record<string, string>> {
  for (;;) {
    const text = await readFile(join(place.folder, 'credentials'), 'utf8').catch(() => '');
    if (text.endsWith('\n')) return JSON.parse(text) as Record<string, string>;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Runs `work` against a server of its own on an empty database. */
export async function withServer<T>(
  bench: Bench,
  engine: Engine,
  env: Record<string, string>,
  work: (server: Server) => Promise<T>,
): Promise<T> {
  const place = await createPlace(bench, engine);
  try {
    const server = await startServer(place, env);
    try {
      return await work(server);
    } finally {
      await server.stop();
    }
  } finally {
    await place.remove();
  }
}

/** Runs `work` and, when profiles are asked for, says where that process spent the time. */
export async function profiled<T>(
  bench: Bench,
  name: string,
  child: Child,
  work: () => Promise<T>,
): Promise<T> {
  if (!bench.profile) return work();
  await child.ask('startProfile');
  const result = await work();
  const lines = await child.ask<string[]>('stopProfile');
  bench.note(`profile of ${name}:\n  ${lines.join('\n  ')}`);
  return result;
}
