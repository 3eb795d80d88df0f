import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Row } from './row.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  system: string;
}

export interface Results {
  date: string;
  commit: string;
  machine: Machine;
  versions: Record<string, string>;
  /** Repetitions a figure is the median of. */
  repetitions: number;
  rows: Row[];
  /** What could not be measured here, and why. */
  notes: string[];
}

const FOLDER = join(import.meta.dirname, '../results');
const SLOWER = 0.15;

export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release().replace(/-.*/, '')}`,
  };
}

/** Short hash of the commit, with `+` when files differ from it. */
export function describeCommit(): string {
  const git = (...args: string[]): string =>
    spawnSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).stdout?.trim() ?? '';
  const hash = git('rev-parse', '--short', 'HEAD') || 'unknown';
  return git('status', '--porcelain') === '' ? hash : `${hash}+`;
}

export function writeResults(name: 'latest' | 'baseline', results: Results): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${name}.json`), `${JSON.stringify(round(results), null, 2)}\n`);
}

/** Null when none was committed. */
export function readBaseline(): Results | null {
  const path = join(FOLDER, 'baseline.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : null;
}

/**
 * Change of each row since the baseline. A row counts as slower when its figure and its ratio to the
 * limit of the same run are both more than 15 % worse; on another machine the ratio alone decides.
 */
export function compareWith(baseline: Results | null): (row: Row) => string {
  if (baseline === null) return () => '';
  const same = JSON.stringify(baseline.machine) === JSON.stringify(describeMachine());
  const known = new Map(baseline.rows.map((row) => [row.id, row]));
  return (row) => {
    const before = known.get(row.id);
    if (before === undefined) return 'new';
    const figure = same ? gain(row, row.value, before.value) : null;
    const ratio =
      row.ratio === undefined || before.ratio === undefined ? null : gain(row, row.ratio, before.ratio);
    const told = figure ?? ratio;
    if (told === null) return '';
    const slower = [figure, ratio].every((each) => each === null || each < -SLOWER);
    return `${told >= 0 ? '+' : ''}${Math.round(told * 100)} %${slower ? ' SLOWER' : ''}`;
  };
}

/** By how much `now` is better than `before`; null where either is no number. */
function gain({ better }: Row, now: number, before: number): number | null {
  const change = better === 'higher' ? now / before - 1 : before / now - 1;
  return Number.isFinite(change) ? change : null;
}

function round(results: Results): unknown {
  const text = JSON.stringify(results, (_key, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value,
  );
  return JSON.parse(text) as unknown;
}
