import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findFiles } from './documents.ts';
import { readOptions, UsageError } from './options.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'holdfast-options-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function leaveCredentials(url: string): void {
  mkdirSync(join(folder, '.holdfast'), { recursive: true });
  const credentials = { url, api_key: 'hf_local', email: 'a@b.c', project_id: 'p1' };
  writeFileSync(join(folder, '.holdfast/credentials'), JSON.stringify(credentials));
}

describe('the key', () => {
  test('of a local server is found, with its address and project', () => {
    leaveCredentials('http://127.0.0.1:7777');
    expect(readOptions([], {}, folder)).toMatchObject({
      url: 'http://127.0.0.1:7777',
      key: 'hf_local',
      projectId: 'p1',
    });
  });

  test('of a local server is found at its other port and name', () => {
    leaveCredentials('http://127.0.0.1:7777');
    expect(readOptions(['--url', 'http://localhost:7778/'], {}, folder)).toMatchObject({
      url: 'http://localhost:7778',
      key: 'hf_local',
    });
  });

  test.each(['https://elsewhere.example', 'http://127.evil.example:7777'])(
    'of a local server is not shown to %s',
    (url) => {
      leaveCredentials('http://127.0.0.1:7777');
      expect(() => readOptions(['--url', url], {}, folder)).toThrow(/no API key/);
    },
  );

  test('of the command line wins over the environment, that over the local one', () => {
    leaveCredentials('http://127.0.0.1:7777');
    const env = { HOLDFAST_API_KEY: 'hf_env', HOLDFAST_URL: 'http://127.0.0.1:7300' };
    expect(readOptions([], env, folder)).toMatchObject({
      url: env.HOLDFAST_URL,
      key: 'hf_env',
      projectId: null,
    });
    expect(readOptions(['--key', 'hf_flag'], env, folder)).toMatchObject({ key: 'hf_flag' });
  });

  test('that is nowhere, or in an unreadable file, is explained', () => {
    expect(() => readOptions([], {}, folder)).toThrow(/credentials.*\n?.*--key/s);
    mkdirSync(join(folder, '.holdfast'));
    writeFileSync(join(folder, '.holdfast/credentials'), 'not JSON');
    expect(() => readOptions([], {}, folder)).toThrow(UsageError);
  });
});

describe('other options', () => {
  const read = (...argv: string[]) =>
    readOptions(['--key', 'k', ...argv], { INIT_CWD: '/called/from' }, folder);

  test('a folder of documents is meant from where npm was called', () => {
    expect(read('--docs', 'notes')?.docs).toBe('/called/from/notes');
    expect(read('--docs', '/abs/notes')?.docs).toBe('/abs/notes');
  });

  test.each([['--unknown'], ['stray'], ['--url', 'ftp://a'], ['--url', '7300'], ['--key', 'a b']])(
    'refuses %s %s',
    (...argv) => {
      expect(() => read(...argv.filter(Boolean))).toThrow(UsageError);
    },
  );

  test('asking for help needs no key', () => {
    expect(readOptions(['--help'], {}, folder)).toBeNull();
  });
});

test('a folder is searched to the bottom for texts, without hidden files and node_modules', async () => {
  for (const name of [
    'b.md',
    'a/z.TXT',
    'a/deep/y.markdown',
    'pic.png',
    '.git/c.md',
    'node_modules/d/e.md',
  ]) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), 'x');
  }
  expect((await findFiles(folder)).map(({ name, mediaType }) => [name, mediaType])).toEqual([
    ['a/deep/y.markdown', 'text/markdown'],
    ['a/z.TXT', 'text/plain'],
    ['b.md', 'text/markdown'],
    ['pic.png', null],
  ]);
});
