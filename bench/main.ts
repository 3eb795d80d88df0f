import { fork, spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { startPostgres, startRedis, type Missing, type Service } from '../scripts/services.ts';
import type { Engine, Settings } from './harness/bench.ts';
import {
  compareWith,
  describeCommit,
  describeMachine,
  readBaseline,
  writeResults,
} from './harness/result-file.ts';
import { verdictOf, type Row } from './harness/row.ts';
import { formatTable } from './harness/table.ts';
import { findVersions } from './harness/versions.ts';
import { METRIC_NAMES, type MetricName } from './metric/index.ts';
import type { Report } from './run-metric.ts';

const USAGE = `npm run bench -- [--only append,turns] [--engine postgres|pglite|both] [--quick] [--repetitions 5]
                 [--profile] [--save]   (--save keeps the result as the baseline of later runs)
metrics: ${METRIC_NAMES.join(', ')}`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: METRIC_NAMES.join(',') },
      engine: { type: 'string', default: 'both' },
      quick: { type: 'boolean', default: false },
      repetitions: { type: 'string', default: '5' },
      profile: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const names = values.only.split(',') as MetricName[];
  const wrong = names.find((name) => !METRIC_NAMES.includes(name));
  const engines: Engine[] = values.engine === 'both' ? ['postgres', 'pglite'] : [values.engine as Engine];
  const unknown = engines.find((engine) => engine !== 'postgres' && engine !== 'pglite');
  const repetitions = Number(values.repetitions);
  if (values.help || wrong !== undefined || unknown !== undefined || !(repetitions >= 1)) {
    console.log(USAGE);
    process.exit(values.help ? 0 : 2);
  }
  return { ...values, names, engines, repetitions: values.quick ? 1 : repetitions };
}

/** Rows of one metric; what fails is noted, and the others go on. */
function runMetric(name: MetricName, settings: Settings, note: (text: string) => void): Promise<Row[]> {
  const child = fork(new URL('./run-metric.ts', import.meta.url), {
    execArgv: ['--expose-gc'],
    serialization: 'advanced',
  });
  let rows: Row[] = [];
  child.on('message', (report: Report) => {
    if ('note' in report) note(`${name}: ${report.note}`);
    else if ('failed' in report) note(`${name} failed: ${report.failed}`);
    else rows = report.rows;
  });
  child.send({ name, settings });
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      if (code !== 0) note(`${name} ended with ${code ?? 'a signal'}`);
      resolve(rows);
    });
  });
}

/** What a reader of the results needs to know: nothing of this machine's folders, and no profiles. */
function forKeeps(notes: readonly string[]): string[] {
  const lines = notes.filter((text) => !text.includes('profile of')).map((text) => text.split('\n')[0]!);
  return lines.map((line) => line.replaceAll(/(?:file:\/\/)?\/[^\s:]+/g, '<path>'));
}

function urlOf(service: Service | Missing, note: (text: string) => void): string | null {
  if ('url' in service) return service.url;
  note(service.missing);
  return null;
}

async function main(): Promise<void> {
  const { names, engines, quick, repetitions, profile, save } = readOptions();
  const notes: string[] = [];
  const note = (text: string): void => {
    notes.push(text);
    console.error(text);
  };
  const services = await Promise.all([startPostgres(), startRedis()]);
  const [postgresUrl, redisUrl] = services.map((service) => urlOf(service, note));
  const pgbench = spawnSync('pgbench', ['--version']).status === 0 ? 'pgbench' : null;
  if (pgbench === null) note('pgbench was not found');
  const usable = engines.filter((engine) => engine === 'pglite' || postgresUrl !== null);
  const settings = { quick, repetitions, profile, pgbench, redisUrl: redisUrl ?? null };
  const rows: Row[] = [];
  try {
    for (const name of names) {
      console.error(`${name} ...`);
      const all: Settings = { ...settings, engines: usable, postgresUrl: postgresUrl ?? null };
      rows.push(...(await runMetric(name, all, note)));
    }
    const versions = await findVersions(postgresUrl ?? null, redisUrl ?? null);
    console.log(`\n${formatTable(rows, compareWith(readBaseline()))}\n`);
    for (const text of notes) console.log(`note: ${text}`);
    const commit = describeCommit();
    const date = new Date().toISOString();
    const results = {
      date,
      commit,
      machine: describeMachine(),
      versions,
      repetitions,
      rows,
      notes: forKeeps(notes),
    };
    writeResults('latest', results);
    if (save) writeResults('baseline', results);
  } finally {
    for (const service of services) if ('stop' in service) await service.stop();
  }
  const missed = rows.filter((row) => verdictOf(row) === 'MISS').length;
  console.log(`${rows.length} rows, ${missed} missed`);
}

await main();
