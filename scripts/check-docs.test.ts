import { expect, test } from 'vitest';
import { checkDocs } from './check-docs.ts';
import { checkErrorsDoc, renderTable } from './errors-doc.ts';
import { writeTree } from './fixture-tree.ts';

const problemsOf = (markdown: string): string[] =>
  checkDocs(
    writeTree({
      'docs/guide.md': markdown,
      'docs/other.md': '# Two words, `code`\n',
      'packages/sdk/src/index.ts': '',
      'package.json': '{"scripts":{"verify":"node verify.ts"}}',
    }),
  ).map(({ detail }) => detail);

test.each([
  ['[a](./gone.md)', 'link to ./gone.md: no such file'],
  ['[a](other.md#three)', 'link to other.md#three: no such heading'],
  ['[a](#nowhere)', 'link to #nowhere: no such heading'],
  ['see `packages/sdk/src/gone.ts`', '`packages/sdk/src/gone.ts`: no such file'],
  ['```sh\nnpm run gone\n```', '`npm run gone`: no such script in package.json'],
])('%j is refused', (markdown, detail) => {
  expect(problemsOf(markdown)).toEqual([detail]);
});

test.each([
  '[a](other.md#two-words-code)',
  '[a](https://example.com/x)',
  '[a](../packages/sdk/src/index.ts)',
  'see `packages/sdk/src/index.ts` and `npm run verify`',
  '```md\n[a](gone.md)\n```',
  '`[a](gone.md)`',
])('%j is fine', (markdown) => {
  expect(problemsOf(markdown)).toEqual([]);
});

test('the table of error codes must be the registry', () => {
  const marks = [
    '<!-- errors:begin (node scripts/errors-doc.ts writes this table) -->',
    '<!-- errors:end -->',
  ];
  const document = [marks[0], renderTable({ NOT_FOUND: 'Not found.' }, { NOT_FOUND: 404 }), marks[1]].join(
    '\n\n',
  );
  const root = writeTree({ 'docs/errors.md': document });
  expect(checkErrorsDoc(root, { NOT_FOUND: 'Not found.' }, { NOT_FOUND: 404 })).toEqual([]);
  expect(checkErrorsDoc(root, { NOT_FOUND: 'Not found.' }, { NOT_FOUND: 410 })).toHaveLength(1);
  expect(
    checkErrorsDoc(root, { NOT_FOUND: 'Not found.', TIMEOUT: 'Late.' }, { NOT_FOUND: 404 }),
  ).toHaveLength(1);
});
