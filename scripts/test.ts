import { spawn } from 'node:child_process';
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, startRedis } from './services.ts';
import type { Missing, Service } from './services.ts';
import { addTallies, emptyTally, readReport, summarise } from './test-report.ts';
import type { MissingServices, Tally } from './test-report.ts';
import { startTestServer } from './test-server.ts';

interface Run {
  name: string;
  project: 'unit' | 'apps' | 'conformance';
  filters: string[];
  env: Record<string, string>;
  missing: MissingServices;
}

const TIMEOUT_MS = { unit: 25 * 60_000, apps: 25 * 60_000, conformance: 10 * 60_000 } as const;
const RESULTS = 'test-results';
const CHROMIUM = '/usr/bin/chromium';
const cleanups = new Set<() => Promise<void>>();

async function cleanUp(): Promise<void> {
  const pending = [...cleanups].reverse();
  cleanups.clear();
  for (const clean of pending) await clean().catch((error: unknown) => console.error(error));
}

/** Keeps a resource until the end of the run, whichever way it ends. */
function own<T extends { stop(): Promise<void> }>(resource: T): T {
  cleanups.add(() => resource.stop());
  return resource;
}

function runVitest({ name, project, filters, env }: Run): Promise<number | null> {
  const report = [`--outputFile.json=${RESULTS}/${name}.json`, '--reporter=default', '--reporter=json'];
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    project,
    '--passWithNoTests',
    ...report,
  ];
  const child = spawn(process.execPath, [...args, ...filters], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    detached: true,
  });
  // Several run side by side: what each says is kept together.
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => said.push(part));
  // Its own process group: vitest's workers end with it.
  const kill = (): void => {
    const running = child.exitCode === null && child.signalCode === null;
    if (child.pid !== undefined && running) process.kill(-child.pid, 'SIGKILL');
  };
  cleanups.add(async () => kill());
  const timer = setTimeout(() => {
    console.error(`${name} was ended after ${TIMEOUT_MS[project] / 60_000} minutes.`);
    kill();
  }, TIMEOUT_MS[project]);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      console.log(`\n== ${name} ==\n${Buffer.concat(said).toString()}`);
      resolve(code);
    });
  });
}

async function runAndCount(run: Run): Promise<Tally> {
  console.log(`${run.name} ...`);
  rmSync(`${RESULTS}/${run.name}.json`, { force: true });
  const exitCode = await runVitest(run);
  try {
    const json: unknown = JSON.parse(readFileSync(`${RESULTS}/${run.name}.json`, 'utf8'));
    const readFile = (path: string): string => readFileSync(path, 'utf8');
    return readReport(json, { exitCode, missing: run.missing, readFile, root: process.cwd() });
  } catch (error) {
    console.error(`${run.name} left no readable report (exit code ${exitCode ?? 'none'}):`, error);
    return { ...emptyTally(), failed: 1 };
  }
}

async function runConformance(name: string, settings: Record<string, string>, run: Omit<Run, 'name'>) {
  try {
    const server = own(await startTestServer(settings));
    const env = {
      ...run.env,
      HOLDFAST_URL: server.url,
      HOLDFAST_API_KEY: server.apiKey,
      HOLDFAST_OTHER_API_KEY: server.otherApiKey,
      HOLDFAST_EMAIL: server.email,
      HOLDFAST_PASSWORD: server.password,
      HOLDFAST_FLEET_KEY: server.fleetKey,
      HOLDFAST_HMAC_SECRET: server.hmacSecret,
      HOLDFAST_REGISTRATION: 'open',
      HOLDFAST_TRUSTS_FORWARDED: 'true',
    };
    const tally = await runAndCount({ ...run, name, env });
    await server.stop();
    return tally;
  } catch (error) {
    console.error(`${name}: the server did not start:`, error);
    return { ...emptyTally(), failed: 1 };
  }
}

function useService(service: Service | Missing, variable: string, found: Record<string, string>): Tally {
  if ('missing' in service) {
    const group = { group: `everything that needs ${variable}`, tests: 0, reason: service.missing };
    return { ...emptyTally(), skipped: [group] };
  }
  own(service);
  found[variable] = service.url;
  console.log(`${variable}: ${service.bin} on 127.0.0.1:${service.port}`);
  return emptyTally();
}

async function runAll(filters: string[]): Promise<Tally> {
  mkdirSync(RESULTS, { recursive: true });
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const env: Record<string, string> = {};
  const tallies = [useService(postgres, 'TEST_DATABASE_URL', env), useService(redis, 'TEST_REDIS_URL', env)];
  const missing: Record<string, string> = {};
  if ('missing' in postgres) missing['TEST_DATABASE_URL'] = postgres.missing;
  else env['TEST_PG_PID'] = String(postgres.pid);
  if (existsSync(CHROMIUM)) env['TEST_CHROMIUM'] = CHROMIUM;
  else missing['TEST_CHROMIUM'] = `there is no ${CHROMIUM}`;
  if ('missing' in redis) missing['TEST_REDIS_URL'] = redis.missing;

  const forConformance = filters.filter((filter) => filter.startsWith('conformance'));
  const conformance = { project: 'conformance', filters: forConformance, env, missing } as const;
  const all = filters.length === 0;
  if (all || forConformance.length < filters.length) {
    // Browsers and databases wait for each other's half of the machine for most of the time.
    const projects = ['unit', 'apps'] as const;
    const runs = projects.map((project) => runAndCount({ name: project, project, filters, env, missing }));
    tallies.push(...(await Promise.all(runs)));
  }
  if ((all || forConformance.length > 0) && globSync('conformance/**/*.test.ts').length > 0) {
    const runs = [runConformance('conformance-pglite', {}, conformance)];
    if (!('missing' in postgres)) {
      const settings = {
        DATABASE_URL: postgres.url,
        ...('missing' in redis ? {} : { REDIS_URL: redis.url }),
      };
      runs.push(runConformance('conformance-postgres', settings, conformance));
    }
    tallies.push(...(await Promise.all(runs)));
  }
  return addTallies(tallies);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void cleanUp().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143)));

// One folder for everything temporary, so that tests that were killed leave nothing behind either.
const temporary = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
chmodSync(temporary, 0o711);
process.env['TMPDIR'] = temporary;
process.once('exit', () => rmSync(temporary, { recursive: true, force: true }));

let tally: Tally;
try {
  tally = await runAll(process.argv.slice(2));
} finally {
  await cleanUp();
}
const { lines, ok } = summarise(tally, process.env['REQUIRE_ALL'] === '1');
console.log(`\n${lines.join('\n')}`);
process.exitCode = ok ? 0 : 1;
