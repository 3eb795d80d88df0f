import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const EXAMPLES = readdirSync(import.meta.dirname).filter((name) =>
  existsSync(join(import.meta.dirname, name, 'main.ts')),
);
const OUTPUT = /```text\n([\s\S]*?)```/;
const CODE = /```ts\n([\s\S]*?)```/g;
/** A line of a page for any number of lines of a run: what differs from run to run. */
const ANYTHING = /^ *(?:\| )?…$/;

/** A page's code is indented as if it stood alone. */
function withoutSpace(code: string): string {
  return code.replaceAll(/\s+/g, '');
}

/** What differs from run to run, by the order in which it first comes: so that the same stays the same. */
function normalise(text: string): string[] {
  const ids = new Map<string, string>();
  const name = (id: string): string => {
    if (!ids.has(id)) ids.set(id, `<id ${ids.size + 1}>`);
    return ids.get(id)!;
  };
  return text
    .replace(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|call_[0-9a-f]{20}|(?<=…)[0-9a-f]{4}\b/g, name)
    .split('\n')
    .map((line) => line.trimEnd());
}

/** The run with each stretch that the page leaves open cut out as the page has it. */
function asOnPage(page: readonly string[], run: readonly string[]): string[] {
  const shown: string[] = [];
  let at = 0;
  for (const [index, line] of page.entries()) {
    if (!ANYTHING.test(line)) {
      shown.push(run[at] ?? '<the run has ended>');
      at += 1;
      continue;
    }
    shown.push(line);
    const next = run.indexOf(page[index + 1] ?? '', at);
    at = next === -1 ? run.length : next;
  }
  return [...shown, ...run.slice(at)];
}

describe.each(EXAMPLES)('%s', (name) => {
  const main = join(ROOT, 'examples', name, 'main.ts');
  const path = join(ROOT, 'docs/examples', `${name}.md`);
  let page = existsSync(path) ? readFileSync(path, 'utf8') : '';

  test('keeps its promises, and prints what its page shows', () => {
    const env = { PATH: process.env.PATH, TZ: 'UTC' };
    const { status, stdout, stderr } = spawnSync(process.execPath, [main], {
      env,
      encoding: 'utf8',
      timeout: 55_000,
    });
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
    // After a wanted change: write the page anew, look at it, and cut out again what differs.
    if (process.env.UPDATE_PAGES === '1') {
      const output = stdout.replaceAll(/ +$/gm, '').trimEnd();
      page = page.replace(OUTPUT, () => `\`\`\`text\n${output}\n\`\`\``);
      writeFileSync(path, page);
    }
    const shown = OUTPUT.exec(page)?.[1];
    expect(shown, `${path} has no output`).toBeDefined();
    const expected = normalise(shown!.trimEnd());
    expect(asOnPage(expected, normalise(stdout.trimEnd()))).toEqual(expected);
  }, 60_000);

  test('its page shows code that is in it', () => {
    const code = withoutSpace(readFileSync(main, 'utf8'));
    const blocks = [...page.matchAll(CODE)].map(([, block = '']) => block);
    expect(blocks).not.toEqual([]);
    for (const block of blocks) expect(code).toContain(withoutSpace(block));
  });
});

test('the comparison of a page with a run sees a difference, and only where the page is definite', () => {
  const compare = (page: string, run: string) =>
    asOnPage(normalise(page), normalise(run)).join() === normalise(page).join();
  expect(compare('a\n…\nb', 'a\nx\ny\nb')).toBe(true);
  expect(compare('a\n…\nb', 'a\nb')).toBe(true);
  expect(compare('a\n…\nb', 'a\nx\nc')).toBe(false);
  expect(compare('a\nb', 'a\nb\nc')).toBe(false);
  expect(compare('a\nb', 'a')).toBe(false);
  expect(compare('{"a":"…0001","b":"…0001"}', '{"a":"…beef","b":"…beef"}')).toBe(true);
  expect(compare('{"a":"…0001","b":"…0001"}', '{"a":"…beef","b":"…cafe"}')).toBe(false);
});
