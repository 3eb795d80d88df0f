import { describe, expect, test } from 'vitest';
import { checkImports, RULES } from './check-imports.ts';
import { writeTree } from './fixture-tree.ts';

const SERVER = 'packages/server/src';

/** rule, importing file, what it imports */
const VIOLATIONS: [string, string, string][] = [
  ['protocol-imports-zod-only', 'packages/protocol/src/event.ts', 'kysely'],
  ['protocol-imports-zod-only', 'packages/protocol/src/event.ts', 'node:crypto'],
  ['sdk-imports-protocol-only', 'packages/sdk/src/index.ts', '@holdfast/holder'],
  ['sdk-imports-protocol-only', 'packages/sdk/src/index.ts', 'node:timers/promises'],
  ['local-server-imports-node-only', 'apps/terminal/src/main.ts', '@holdfast/local-server'],
  ['local-server-imports-node-only', 'packages/local-server/src/index.ts', '@holdfast/sdk'],
  ['holder-imports-protocol-only', 'packages/holder/src/index.ts', 'zod'],
  ['core-imports-protocol-only', `${SERVER}/core/session/create.ts`, 'fastify'],
  ['core-imports-protocol-only', `${SERVER}/core/session/create.ts`, '../../infra/db/index.ts'],
  ['core-imports-protocol-only', `${SERVER}/core/context.ts`, '../features/agent/index.ts'],
  ['noun-through-index', `${SERVER}/core/session/create.ts`, '../lease/claim.ts'],
  ['noun-through-index', `${SERVER}/surfaces/chat/post.ts`, '../../core/lease/claim.ts'],
  ['features-import-core-and-protocol', `${SERVER}/features/agent/run.ts`, '../swarm/index.ts'],
  ['features-import-core-and-protocol', `${SERVER}/features/agent/run.ts`, '../../infra/db/index.ts'],
  ['features-import-core-and-protocol', `${SERVER}/features/agent/run.ts`, '../../config.ts'],
  ['surfaces-import-features-core-protocol', `${SERVER}/surfaces/chat/post.ts`, '../fleet/list.ts'],
  ['surfaces-import-features-core-protocol', `${SERVER}/surfaces/chat/post.ts`, '../../infra/db/index.ts'],
  ['surfaces-import-features-core-protocol', `${SERVER}/surfaces/shared/auth.ts`, '../chat/post.ts'],
  ['infra-imports-ports-only', `${SERVER}/infra/bus/redis.ts`, '../../core/context.ts'],
  ['infra-imports-ports-only', `${SERVER}/infra/bus/redis.ts`, '../../config.ts'],
  ['nothing-imports-the-entry', `${SERVER}/surfaces/chat/post.ts`, '../../app.ts'],
  ['nothing-imports-the-entry', 'packages/server/test/harness.ts', '../src/main.ts'],
  ['apps-import-sdk-holder-protocol', 'apps/terminal/src/main.ts', '@holdfast/server'],
  ['apps-import-sdk-holder-protocol', 'examples/tour/run.ts', '../../conformance/src/client.ts'],
  ['conformance-imports-sdk-protocol', 'conformance/src/log.test.ts', '../../packages/server/src/app.ts'],
  ['packages-by-name', 'packages/sdk/src/index.ts', '../../protocol/src/index.ts'],
];

const ALLOWED: [string, string][] = [
  ['packages/protocol/src/event.ts', 'zod'],
  ['packages/sdk/src/follow/sse.ts', 'eventsource-parser'],
  ['packages/sdk/src/client.test.ts', '@holdfast/local-server'],
  ['examples/tour/main.ts', '@holdfast/local-server'],
  ['packages/protocol/src/event.test.ts', 'vitest'],
  [`${SERVER}/core/session/create.ts`, '../lease/index.ts'],
  [`${SERVER}/core/session/create.ts`, '../ports.ts'],
  [`${SERVER}/core/session/create.ts`, 'kysely'],
  [`${SERVER}/core/session/create.test.ts`, '../../../test/harness.ts'],
  [`${SERVER}/features/agent/run.ts`, '@holdfast/protocol'],
  [`${SERVER}/surfaces/chat/post.ts`, '../shared/auth.ts'],
  [`${SERVER}/infra/bus/redis.ts`, '../../core/ports.ts'],
  [`${SERVER}/main.ts`, './app.ts'],
  ['packages/server/test/harness.ts', '../src/app.ts'],
  ['conformance/src/log.test.ts', '@holdfast/protocol'],
];

describe('checkImports', () => {
  test.each(VIOLATIONS)('%s: %s must not import %s', (rule, file, specifier) => {
    const root = writeTree({ [file]: `import type { Thing } from '${specifier}';\n` });
    expect(checkImports(root)).toContainEqual({ rule, file, detail: expect.stringContaining(specifier) });
  });

  test.each(ALLOWED)('%s may import %s', (file, specifier) => {
    expect(checkImports(writeTree({ [file]: `import { thing } from '${specifier}';\n` }))).toEqual([]);
  });

  test.each([
    "import {\n  a,\n  type B,\n} from 'fastify';\n",
    "export * from 'fastify';\n",
    "import 'fastify';\n",
    "const load = () => import('fastify');\n",
  ])('sees %j', (text) => {
    const problems = checkImports(writeTree({ [`${SERVER}/core/session/create.ts`]: text }));
    expect(problems.map(({ rule }) => rule)).toEqual(['core-imports-protocol-only']);
  });

  test('every rule has a case here', () => {
    const shown = new Set(VIOLATIONS.map(([rule]) => rule));
    expect(RULES.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
  });
});
