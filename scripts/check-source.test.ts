import { describe, expect, test } from 'vitest';
import { checkEnvironment } from './check-environment.ts';
import { checkSizes, p90 } from './check-sizes.ts';
import { checkSuppressions } from './check-suppressions.ts';
import { writeTree } from './fixture-tree.ts';

describe('checkEnvironment', () => {
  const reads = 'export const port = process.env.PORT;\n';

  test('only config.ts of the server reads the environment', () => {
    const root = writeTree({
      'packages/server/src/config.ts': reads,
      'packages/server/src/config.test.ts': reads,
      'packages/server/src/infra/db/open.ts': "export const url = process.env['DATABASE_URL'];\n",
    });
    expect(checkEnvironment(root)).toMatchObject([
      { rule: 'env-in-config-only', file: 'packages/server/src/infra/db/open.ts' },
    ]);
  });

  test('an app may read it in one file, not in two', () => {
    const root = writeTree({ 'apps/terminal/src/a.ts': reads, 'apps/terminal/src/b.ts': reads });
    expect(checkEnvironment(root)).toMatchObject([
      { rule: 'env-in-one-file', file: 'apps/terminal/src/b.ts' },
    ]);
  });
});

describe('checkSizes', () => {
  const lines = (count: number): string => 'x;\n'.repeat(count);

  test('a source file over 400 lines needs a reason, a test does not', () => {
    const root = writeTree({
      ...Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`packages/sdk/src/f${n}.ts`, lines(10)])),
      'packages/sdk/src/exact.ts': lines(400),
      'packages/sdk/src/long.ts': lines(401),
      'packages/sdk/src/long.test.ts': lines(900),
    });
    expect(checkSizes(root)).toMatchObject([{ rule: 'file-length', file: 'packages/sdk/src/long.ts' }]);
    expect(checkSizes(root, { 'packages/sdk/src/long.ts': 'one table' })).toEqual([]);
  });

  test('one file in ten may be over 200 lines, not more', () => {
    const root = writeTree({ 'scripts/a.ts': lines(10), 'scripts/b.ts': lines(201) });
    expect(checkSizes(root)).toMatchObject([{ rule: 'file-length-p90' }]);
    expect(p90([1, 2, 3, 4, 5, 6, 7, 8, 9, 100])).toBe(9);
  });
});

describe('checkSuppressions', () => {
  // Built from parts, so that this file holds no suppression itself.
  const comment = (text: string): string => `/${'/'} ${text}\nexport const a = 1;\n`;

  test.each([
    'oxlint-disable-next-line no-console',
    '@ts-expect-error',
    '@ts-ignore: because',
    '@ts-nocheck',
  ])('refuses %s', (text) => {
    expect(checkSuppressions(writeTree({ 'scripts/a.ts': comment(text) }))).toMatchObject([
      { rule: 'suppression-reason', file: 'scripts/a.ts' },
    ]);
  });

  test.each([
    'oxlint-disable-next-line no-console -- the first key is shown once',
    '@ts-expect-error: wrong on purpose',
  ])('accepts %s', (text) => {
    expect(checkSuppressions(writeTree({ 'scripts/a.ts': comment(text) }))).toEqual([]);
  });
});
