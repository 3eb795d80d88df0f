import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from 'vitest';
import { readRegexes } from './read-regexes.ts';
import type { RedosTask } from './redos-worker.ts';
import { isTest, listFiles, readSource } from './source-tree.ts';

const ROOT = process.cwd();
/** What takes linear time is through in a fraction of a second; quadratic time would be minutes. */
const PATIENCE_MS = 30_000;

/** Those that only read what the operator or the caller configures, never what somebody else sends. */
const CONFIGURATION: Readonly<Record<string, string>> = {
  '/\\/+$/': 'the end of an address such as PUBLIC_URL',
};

const regexes = new Map<string, { source: string; flags: string; where: string }>();
for (const file of listFiles(ROOT, ['ts'])) {
  if (!/^(packages|apps)\/[^/]+\/src\//.test(file) || isTest(file)) continue;
  for (const { source, flags, line } of readRegexes(readSource(ROOT, file))) {
    const key = `/${source}/${flags}`;
    if (!regexes.has(key) && !(key in CONFIGURATION))
      regexes.set(key, { source, flags, where: `${file}:${line}` });
  }
}

let worker: Worker | null = null;
afterAll(() => worker?.terminate());

/** @returns how many texts were tried, or null when it was not through in time */
async function attack(task: RedosTask, patienceMs = PATIENCE_MS): Promise<number | null> {
  worker ??= new Worker(new URL('./redos-worker.ts', import.meta.url));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const timer = setTimeout(() => resolve(null), patienceMs);
  worker.once('message', resolve).once('error', reject).postMessage(task);
  try {
    const tried = await promise;
    if (tried === null) {
      await worker.terminate();
      worker = null;
    }
    return tried;
  } finally {
    clearTimeout(timer);
    worker?.removeAllListeners('message').removeAllListeners('error');
  }
}

describe('ReDoS: each regular expression of ours takes linear time', () => {
  test('all of them were found', () => {
    expect(regexes.size).toBeGreaterThan(120);
    expect([...regexes.keys()]).toContain('/^[A-Za-z0-9._-]{1,128}$/');
    for (const { source, flags } of regexes.values()) expect(() => new RegExp(source, flags)).not.toThrow();
  });

  test.each([...regexes].map(([key, { where }]) => [where, key]))(
    '%s %s',
    async (_where, key) => {
      const { source, flags } = regexes.get(key)!;
      expect(await attack({ source, flags })).toBeGreaterThan(30);
    },
    PATIENCE_MS * 2,
  );

  test.each([
    ['exponential', '^(a+)+$', ''],
    ['cubic', '^ {0,3}(#{1,6})\\s+(.*?)\\s*#*\\s*$', ''],
    ['quadratic', '[\\s?!.=]+$', ''],
    ['quadratic, everywhere', '\\beyJ[\\w-]{8,}\\.[\\w-]+', 'g'],
  ])(
    'one that is not is noticed: %s',
    async (_name, source, flags) => {
      expect(await attack({ source, flags }, 3000)).toBeNull();
    },
    PATIENCE_MS,
  );
});

describe('reading regular expressions', () => {
  test.each([
    ['const a = /x/g;', ['/x/g']],
    ['f(/[/]/, /\\//u)', ['/[/]/', '/\\//u']],
    ['const b = a / 2 / c;', []],
    ['// /no/\nreturn /yes/;', ['/yes/']],
    ['/* /no/ */ x = y ? /a/ : /b/i', ['/a/', '/b/i']],
    ['\'/no/\' + "/no/"', []],
    ['`/no/ ${/yes/.source} /no/`', ['/yes/']],
    ['`a ${`b ${{ c: /d/ }} e`} /no/` || /f/', ['/d/', '/f/']],
  ])('%s', (text, expected) => {
    expect(readRegexes(text).map(({ source, flags }) => `/${source}/${flags}`)).toEqual(expected);
  });
});
