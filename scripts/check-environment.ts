import { isTest, listFiles, readSource, reportProblems } from './source-tree.ts';
import type { Problem } from './source-tree.ts';

const READS_ENVIRONMENT =
  /\bprocess\s*(?:\.\s*env\b|\[\s*['"]env['"]\s*\])|\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\s*'node:process'/;
const ONLY_READER = 'packages/server/src/config.ts';

/** `process.env` is read in the server's config.ts, and in at most one file of each app and example. */
export function checkEnvironment(root: string): Problem[] {
  const readers = listFiles(root, ['ts', 'tsx']).filter(
    (file) => /^(packages|apps|examples)\//.test(file) && !isTest(file) && file !== ONLY_READER,
  );
  const firstOfUnit = new Map<string, string>();
  const problems: Problem[] = [];
  for (const file of readers) {
    if (!READS_ENVIRONMENT.test(readSource(root, file))) continue;
    const unit = file.split('/', 2).join('/');
    const first = firstOfUnit.get(unit);
    if (file.startsWith('packages/'))
      problems.push({
        rule: 'env-in-config-only',
        file,
        detail: `reads process.env; only ${ONLY_READER} may`,
      });
    else if (first)
      problems.push({
        rule: 'env-in-one-file',
        file,
        detail: `reads process.env, and ${first} already does`,
      });
    else firstOfUnit.set(unit, file);
  }
  return problems;
}

if (import.meta.main) reportProblems('environment', checkEnvironment(process.cwd()));
