import { describe, expect, test } from 'vitest';
import { addTallies, readReport, summarise } from './test-report.ts';

const missing = { TEST_REDIS_URL: 'no redis-server found' };
const sources: Record<string, string> = {
  '/repo/bus.test.ts': 'describe.skipIf(!process.env.TEST_REDIS_URL)',
  '/repo/old.test.ts': 'describe.skip',
};

function read(
  files: Record<string, [string, string][]>,
  options: { exitCode?: number; status?: string } = {},
) {
  const testResults = Object.entries(files).map(([name, results]) => ({
    name,
    status: options.status ?? 'passed',
    assertionResults: results.map(([group, status]) => ({ ancestorTitles: [group], status })),
  }));
  return readReport(
    { success: options.exitCode === undefined, testResults },
    { exitCode: options.exitCode ?? 0, missing, readFile: (path) => sources[path] ?? '', root: '/repo' },
  );
}

describe('readReport', () => {
  test('counts, and gives each skipped group its reason', () => {
    const tally = read({
      '/repo/bus.test.ts': [
        ['Redis', 'skipped'],
        ['Redis', 'pending'],
        ['local', 'passed'],
      ],
      '/repo/old.test.ts': [['old', 'skipped']],
    });
    expect(tally).toEqual({
      passed: 1,
      failed: 0,
      skipped: [
        { group: 'bus.test.ts > Redis', tests: 2, reason: 'no redis-server found' },
        { group: 'old.test.ts > old', tests: 1, reason: 'marked as skipped in the source' },
      ],
    });
  });

  test('a file that could not be loaded is a failure', () => {
    expect(read({ '/repo/a.test.ts': [] }, { exitCode: 1, status: 'failed' })).toMatchObject({ failed: 1 });
  });

  test('a run that failed although every test passed is a failure', () => {
    expect(read({ '/repo/a.test.ts': [['a', 'passed']] }, { exitCode: 1 })).toMatchObject({
      passed: 1,
      failed: 1,
    });
  });
});

describe('summarise', () => {
  const skipped = [{ group: 'bus', tests: 3, reason: 'no Redis' }];

  test('adds all runners and ends with the total', () => {
    const total = addTallies([
      { passed: 2, failed: 0, skipped },
      { passed: 1, failed: 0, skipped: [] },
    ]);
    expect(summarise(total, false)).toEqual({
      lines: ['skipped bus (3 tests): no Redis', '3 passed, 0 failed, 3 skipped'],
      ok: true,
    });
  });

  test('with requireAll a skip is a failure', () => {
    const { lines, ok } = summarise({ passed: 2, failed: 0, skipped }, true);
    expect(lines.at(-1)).toBe('2 passed, 1 failed');
    expect(ok).toBe(false);
  });

  test.each([
    { passed: 1, failed: 1, skipped: [] },
    { passed: 0, failed: 0, skipped: [] },
  ])('%o is not all right', (tally) => {
    expect(summarise(tally, false).ok).toBe(false);
  });
});
