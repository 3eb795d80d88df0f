import { placeOf } from './check-imports.ts';
import { listFiles, readImports, readSource, reportProblems, resolveImport } from './source-tree.ts';
import type { Problem } from './source-tree.ts';

type Graph = Map<string, Set<string>>;

/** The shortest way from `start` back to itself, both ends included, or null. */
function findCycle(graph: Graph, start: string): string[] | null {
  const paths: string[][] = [[start]];
  const seen = new Set<string>();
  for (let path = paths.shift(); path; path = paths.shift()) {
    for (const next of graph.get(path.at(-1) ?? '') ?? []) {
      if (next === start) return [...path, next];
      if (!seen.has(next)) paths.push([...path, next]);
      seen.add(next);
    }
  }
  return null;
}

/** Each cycle once, named by the first of its members. */
function findCycles(graph: Graph): string[][] {
  const covered = new Set<string>();
  const cycles: string[][] = [];
  for (const start of [...graph.keys()].sort()) {
    const cycle = covered.has(start) ? null : findCycle(graph, start);
    if (!cycle) continue;
    cycles.push(cycle);
    for (const member of cycle) covered.add(member);
  }
  return cycles;
}

function addEdge(graph: Graph, from: string, to: string): void {
  const targets = graph.get(from) ?? new Set();
  graph.set(from, targets.add(to));
}

/**
 * Import cycles between files (type-only and dynamic imports load nothing at start, so they are ignored),
 * and cycles between the nouns of core (there a type is a dependency too).
 */
export function checkCycles(root: string): Problem[] {
  const files: Graph = new Map();
  const nouns: Graph = new Map();
  for (const file of listFiles(root, ['ts', 'tsx'])) {
    const from = placeOf(file);
    for (const { specifier, kind } of readImports(readSource(root, file))) {
      const target = resolveImport(root, file, specifier);
      if (target === null) continue;
      if (kind === 'value') addEdge(files, file, target);
      const to = placeOf(target);
      const betweenNouns = from.area === 'core' && to.area === 'core' && from.unit !== to.unit;
      if (betweenNouns && from.unit && to.unit && !file.endsWith('.test.ts'))
        addEdge(nouns, from.unit, to.unit);
    }
  }
  return [
    ...findCycles(files).map((cycle) => toProblem('no-import-cycle', cycle)),
    ...findCycles(nouns).map((cycle) => toProblem('no-noun-cycle', cycle)),
  ];
}

function toProblem(rule: string, cycle: string[]): Problem {
  return { rule, file: cycle[0] ?? '', detail: cycle.join(' -> ') };
}

if (import.meta.main) reportProblems('cycles', checkCycles(process.cwd()));
