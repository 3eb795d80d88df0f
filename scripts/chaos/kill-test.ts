import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { findFreePort } from '../child-process.ts';
import { startPostgres, type Service } from '../services.ts';
import { checkHistory } from './check-history.ts';
import { Client } from './client.ts';
import type { SessionHistory, Violation } from './history.ts';
import { killRounds } from './kill-rounds.ts';
import { startLoad, stir } from './load.ts';
import { readCredentials, ServerProcess } from './server-process.ts';
import { summariseKills, type Summary } from './summary.ts';
import { readHistory, World } from './world.ts';

export interface KillTestOptions {
  rounds: number;
  engine: 'pglite' | 'postgres';
  seed: number;
  say?: (line: string) => void;
}

const LEASE_TTL_MS = 1500;
const SETTLE_MS = 60_000;
const SETTINGS = {
  NODE_ENV: 'test',
  LOG_LEVEL: 'error',
  LEASE_TTL_MS: String(LEASE_TTL_MS),
  LEASE_SCAN_INTERVAL_MS: '250',
  OFFLINE_TOKEN_DELAY_MS: '3',
  FOLLOW_POLL_INTERVAL_MS: '500',
  ADMIN_PASSWORD: 'kill-test-password',
  // The load is heavier than any client's may be; it is counted all the same.
  RATE_LIMITS: '{"*":{"minute":10000000}}',
};

/** Kills the server again and again under load, and then checks everything its clients were told. */
export async function runKillTest(options: KillTestOptions): Promise<Summary> {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-kill-'));
  const postgres = options.engine === 'postgres' ? await startPostgres() : null;
  if (postgres !== null && 'missing' in postgres) throw new Error(postgres.missing);
  const server = new ServerProcess({
    port: await findFreePort(),
    env: {
      ...SETTINGS,
      DATA_DIR: join(dataDir, 'data'),
      DATABASE_URL: postgres?.url ?? '',
      REDIS_URL: '',
    },
  });
  try {
    return await test(options, server, postgres);
  } finally {
    await server.kill();
    await postgres?.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function test(
  { rounds, seed, say = () => {} }: KillTestOptions,
  server: ServerProcess,
  postgres: Service | null,
): Promise<Summary> {
  const began = performance.now();
  await server.start();
  const world = await openWorld(server, seed);
  const load = await startLoad(world);
  const kills = await killRounds({
    server,
    world,
    rounds,
    postmaster: postgres?.pid ?? null,
    onRound: (round) => stir(world, load, round),
    say,
  });
  if (server.pid === undefined) await server.start();
  world.stop();
  say('the load stops; waiting until every run has ended');
  const unsettled = await settle(world, load);
  const histories: SessionHistory[] = [];
  for (const session of world.sessions) histories.push(await readHistory(world, session));
  const all: Violation[] = [...unsettled, ...complaints(world, server), ...checkHistory(histories)];
  if (all.length > 0) await keepEvidence(histories, all, server.output, say);
  const seconds = Math.round((performance.now() - began) / 1000);
  return summariseKills({ seconds, rounds, kills, histories, violations: all, world, server });
}

async function openWorld(server: ServerProcess, seed: number): Promise<World> {
  let credentials = readCredentials(server.output);
  while (credentials === null) {
    await pause(10);
    credentials = readCredentials(server.output);
  }
  return new World(new Client(server.url, credentials.apiKey), credentials.projectId, seed);
}

/** Waits for the end of the load, of every run, and of every follower's way. */
async function settle(world: World, load: readonly Promise<unknown>[]): Promise<Violation[]> {
  const violations: Violation[] = [];
  const report = (rule: string, session: string, detail: string): void =>
    void violations.push({ rule, session, detail });
  const deadline = performance.now() + SETTLE_MS;
  const late = pause(SETTLE_MS, 'late' as const, { ref: false });
  const ended = await Promise.race([Promise.allSettled(load), late]);
  if (ended === 'late') report('load', '-', 'the load did not end in time');
  else
    for (const result of ended) if (result.status === 'rejected') report('load', '-', String(result.reason));
  for (const session of world.sessions) {
    while (!(await world.isSettled(session)) && performance.now() < deadline) await pause(50);
    const open = [...session.openRuns];
    if (open.length > 0) report('run-stuck', session.name, `never ended: ${open.join(', ')}`);
    await Promise.all(session.follows.map((follower) => follower.stop()));
  }
  return violations;
}

function complaints(world: World, server: ServerProcess): Violation[] {
  const as = (rule: string) => (detail: string) => ({ rule, session: '-', detail });
  return [
    ...world.violations.map(as('answer')),
    ...world.client.complaints.map(as('answer-5xx')),
    ...server.crashes.map(as('crash')),
  ];
}

async function keepEvidence(
  histories: SessionHistory[],
  violations: Violation[],
  output: string,
  say: (line: string) => void,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-evidence-'));
  await writeFile(join(folder, 'violations.json'), JSON.stringify(violations, null, 1));
  await writeFile(join(folder, 'server.log'), output);
  for (const { follows, ...history } of histories) {
    const seen = follows.map(({ name, received }) => ({ name, received }));
    await writeFile(join(folder, `${history.name}.json`), JSON.stringify({ ...history, seen }));
  }
  say(`the histories are in ${folder}`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '200' },
      engine: { type: 'string', default: 'pglite' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  });
  const engine = values.engine;
  if (engine !== 'pglite' && engine !== 'postgres') throw new Error('--engine is pglite or postgres');
  console.log(`kill test: ${values.rounds} rounds on ${engine}, seed ${values.seed}`);
  const options = { rounds: Number(values.rounds), engine, seed: Number(values.seed) } as const;
  const summary = await runKillTest({ ...options, say: (line) => console.log(line) });
  console.log(summary.lines.join('\n'));
  process.exit(summary.violations.length === 0 ? 0 : 1);
}
