import { z } from 'zod';

/** A group of tests that did not run, and why. */
export interface SkippedGroup {
  group: string;
  tests: number;
  reason: string;
}

/** What one runner, or all of them together, did. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: SkippedGroup[];
}

/** Environment variable of each service that was not found -> why. */
export type MissingServices = Readonly<Record<string, string>>;

const reportSchema = z.object({
  success: z.boolean(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ ancestorTitles: z.array(z.string()), status: z.string() })),
    }),
  ),
});
type FileReport = z.infer<typeof reportSchema>['testResults'][number];

export const emptyTally = (): Tally => ({ passed: 0, failed: 0, skipped: [] });

function reasonOf(source: string, missing: MissingServices): string {
  const needed = Object.entries(missing).filter(([variable]) => source.includes(variable));
  if (needed.length === 0) return 'marked as skipped in the source';
  return needed.map(([, reason]) => reason).join('; ');
}

function skippedGroups(file: FileReport, label: string, reason: string): SkippedGroup[] {
  const counts = new Map<string, number>();
  for (const { ancestorTitles, status } of file.assertionResults) {
    if (status === 'passed' || status === 'failed') continue;
    const group = [label, ...ancestorTitles.slice(0, 2)].join(' > ');
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return [...counts].map(([group, tests]) => ({ group, tests, reason }));
}

function tallyFile(file: FileReport, label: string, reason: string): Tally {
  const count = (status: string): number =>
    file.assertionResults.filter((result) => result.status === status).length;
  const failed = count('failed');
  const brokenFile = file.status === 'failed' && failed === 0 ? 1 : 0;
  return {
    passed: count('passed'),
    failed: failed + brokenFile,
    skipped: skippedGroups(file, label, reason),
  };
}

/**
 * Counts one JSON report of vitest. A file that could not be loaded, and a run that failed although no
 * test did (an unhandled rejection), count as one failure each.
 */
export function readReport(
  json: unknown,
  options: {
    exitCode: number | null;
    missing: MissingServices;
    readFile(path: string): string;
    root: string;
  },
): Tally {
  const report = reportSchema.parse(json);
  const files = report.testResults.map((file) =>
    tallyFile(
      file,
      file.name.replace(`${options.root}/`, ''),
      reasonOf(options.readFile(file.name), options.missing),
    ),
  );
  const total = addTallies(files);
  const failedOtherwise = total.failed === 0 && (options.exitCode !== 0 || !report.success);
  return failedOtherwise ? { ...total, failed: 1 } : total;
}

export function addTallies(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, { passed }) => sum + passed, 0),
    failed: tallies.reduce((sum, { failed }) => sum + failed, 0),
    skipped: tallies.flatMap(({ skipped }) => skipped),
  };
}

/**
 * The closing lines, the total last, and whether all is well.
 * With `requireAll` every skipped group counts as a failure; a run without any test always fails.
 */
export function summarise(tally: Tally, requireAll: boolean): { lines: string[]; ok: boolean } {
  const { passed, skipped } = tally;
  const failed = tally.failed + (requireAll ? skipped.length : 0);
  const skippedTests = skipped.reduce((sum, { tests }) => sum + tests, 0);
  const lines = skipped.map(
    ({ group, tests, reason }) => `skipped ${group}${tests > 0 ? ` (${tests} tests)` : ''}: ${reason}`,
  );
  if (requireAll && skipped.length > 0)
    lines.push('REQUIRE_ALL is set: each skipped group counts as failed.');
  const total = `${passed} passed, ${failed} failed`;
  lines.push(skippedTests > 0 && !requireAll ? `${total}, ${skippedTests} skipped` : total);
  return { lines, ok: failed === 0 && passed > 0 };
}
