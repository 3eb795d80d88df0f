import { listFiles, readSource, reportProblems } from './source-tree.ts';
import type { Problem } from './source-tree.ts';

const SUPPRESSION =
  /\/[/*]\s*((?:oxlint|eslint)-disable[\w-]*|@ts-(?:ignore|expect-error|nocheck)|prettier-ignore)\b(.*)/g;
const FORBIDDEN = new Set(['@ts-ignore', '@ts-nocheck']);

/** Every suppressed finding says why, after ` -- ` (`@ts-expect-error`: after a colon). */
export function checkSuppressions(root: string): Problem[] {
  return listFiles(root, ['ts', 'tsx']).flatMap((file) =>
    [...readSource(root, file).matchAll(SUPPRESSION)]
      .filter(([, name = '', rest = '']) => FORBIDDEN.has(name) || !/(?: -- |: )\S/.test(rest))
      .map(([, name = '']) => ({
        rule: 'suppression-reason',
        file,
        detail: FORBIDDEN.has(name) ? `${name} is not allowed` : `${name} without a reason (-- because ...)`,
      })),
  );
}

if (import.meta.main) reportProblems('suppressions', checkSuppressions(process.cwd()));
