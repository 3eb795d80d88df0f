import { expect, test } from 'vitest';
import { checkCycles } from './check-cycles.ts';
import { writeTree } from './fixture-tree.ts';

const CORE = 'packages/server/src/core';

test('names a cycle of files once, across packages', () => {
  const root = writeTree({
    'packages/protocol/src/index.ts': "export { b } from '@holdfast/sdk';\n",
    'packages/sdk/src/index.ts': "export { b } from './b.ts';\n",
    'packages/sdk/src/b.ts': "import { a } from '@holdfast/protocol';\n",
  });
  const cycle = 'packages/protocol/src/index.ts -> packages/sdk/src/index.ts -> packages/sdk/src/b.ts';
  expect(checkCycles(root)).toEqual([
    {
      rule: 'no-import-cycle',
      file: 'packages/protocol/src/index.ts',
      detail: `${cycle} -> packages/protocol/src/index.ts`,
    },
  ]);
});

test('a type-only import closes no cycle of files', () => {
  const root = writeTree({
    'packages/sdk/src/a.ts': "import { b } from './b.ts';\n",
    'packages/sdk/src/b.ts': "import type { A } from './a.ts';\n",
  });
  expect(checkCycles(root)).toEqual([]);
});

test('two nouns that know each other are a cycle, even by types and through different files', () => {
  const root = writeTree({
    [`${CORE}/session/create.ts`]: "import { claim } from '../lease/index.ts';\n",
    [`${CORE}/lease/claim.ts`]: "import type { Session } from '../session/index.ts';\n",
  });
  expect(checkCycles(root)).toEqual([
    { rule: 'no-noun-cycle', file: 'lease', detail: 'lease -> session -> lease' },
  ]);
});
