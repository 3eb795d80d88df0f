import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';

/** One broken rule: where, and what is wrong in words that name the way out. */
export interface Problem {
  rule: string;
  file: string;
  detail: string;
}

export interface ImportRef {
  specifier: string;
  kind: 'value' | 'type' | 'dynamic';
}

const IGNORED = new Set([
  'node_modules',
  '.git',
  '.holdfast',
  '.tmp',
  'test-results',
  'coverage',
  'documents',
]);
const STATIC = /^(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]/g;

/** Every file under `root` with one of these extensions, as sorted paths relative to `root` with `/`. */
export function listFiles(root: string, extensions: readonly string[]): string[] {
  const patterns = extensions.map((extension) => `**/*.${extension}`);
  return globSync(patterns, { cwd: root, exclude: (path) => IGNORED.has(basename(path)) })
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
}

export function readSource(root: string, file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** Imports and re-exports of a formatted module; Prettier puts each at the start of a line. */
export function readImports(text: string): ImportRef[] {
  const found: ImportRef[] = [];
  for (const [, type, specifier = ''] of text.matchAll(STATIC))
    found.push({ specifier, kind: type ? 'type' : 'value' });
  for (const [, specifier = ''] of text.matchAll(DYNAMIC)) found.push({ specifier, kind: 'dynamic' });
  return found;
}

/** The repository file an import points to, or null for a library or a Node module. */
export function resolveImport(root: string, from: string, specifier: string): string | null {
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(from), specifier));
  const own = /^@holdfast\/([\w-]+)(?:\/(.+))?$/.exec(specifier);
  if (!own) return null;
  const folder = ['packages', 'apps', '.']
    .map((parent) => posix.normalize(`${parent}/${own[1]}`))
    .find((candidate) => existsSync(join(root, candidate, 'src')));
  return `${folder ?? `packages/${own[1]}`}/src/${own[2] ?? 'index'}.ts`.replace(/\.ts\.ts$/, '.ts');
}

export function isTest(file: string): boolean {
  return /\.test\.tsx?$/.test(file) || /^(?:packages|apps)\/[^/]+\/test\//.test(file);
}

/** Prints the outcome of one check and sets the exit code: for running a checker on its own. */
export function reportProblems(name: string, problems: readonly Problem[]): void {
  for (const problem of problems) console.log(`${problem.rule}: ${problem.file}: ${problem.detail}`);
  if (problems.length === 0) console.log(`ok ${name}`);
  else process.exitCode = 1;
}
