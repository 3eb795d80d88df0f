import { isTest, listFiles, readSource, reportProblems } from './source-tree.ts';
import type { Problem } from './source-tree.ts';

const MAX_LINES = 400;
const MAX_P90 = 200;

/** Files that may be longer than MAX_LINES, each with its reason. */
const LONG_FILES: Readonly<Record<string, string>> = {};

const countLines = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

/** The value below which nine tenths of the values lie. */
export function p90(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * 0.9) - 1)] ?? 0;
}

/** File lengths; the length of functions is a lint rule (max-lines-per-function). */
export function checkSizes(root: string, allowed = LONG_FILES): Problem[] {
  const sizes = listFiles(root, ['ts', 'tsx'])
    .filter((file) => !isTest(file))
    .map((file) => ({ file, lines: countLines(readSource(root, file)) }));
  const problems = sizes
    .filter(({ file, lines }) => lines > MAX_LINES && !allowed[file])
    .map(({ file, lines }) => ({
      rule: 'file-length',
      file,
      detail: `${lines} lines, at most ${MAX_LINES}`,
    }));
  const ninth = p90(sizes.map(({ lines }) => lines));
  if (ninth > MAX_P90)
    problems.push({
      rule: 'file-length-p90',
      file: '.',
      detail: `p90 is ${ninth} lines, at most ${MAX_P90}`,
    });
  return problems;
}

if (import.meta.main) reportProblems('sizes', checkSizes(process.cwd()));
