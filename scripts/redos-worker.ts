import { parentPort } from 'node:worker_threads';
import fc from 'fast-check';

/** A regular expression to try on everything that might make it slow. Answered with the number of texts once it is through. */
export interface RedosTask {
  source: string;
  flags: string;
}

/** Short ones tell which texts are hard; the hardest are then tried at full length. */
const SHORT = 2000;
const FULL = 400_000;
const HARDEST = 6;

const FILLERS = [
  ' ',
  '\t',
  '\n',
  'a',
  '0',
  '-',
  '/',
  '.',
  '#',
  '<',
  '?',
  ',',
  ' a',
  'a ',
  ' #',
  'a.',
  '/a',
  'eyJaaaaaaaa-',
];
const END = '\0x!\n';

/** A text of any length: `head`, `part` again and again, `tail`. */
interface Attack {
  head: string;
  part: string;
  tail: string;
}

/** Short texts that the expression matches, or begins to match. */
function seedsOf({ source, flags }: RedosTask): string[] {
  const words = (source.match(/[A-Za-z]{2,}/g) ?? []).slice(0, 4);
  const seeds = ['', ...words, ...words.map((word) => `${word} `), '# a', '/a b', '- '];
  try {
    const matching = fc.stringMatching(new RegExp(source, flags.replaceAll(/[giy]/g, '')), { size: 'small' });
    seeds.push(...fc.sample(matching, { numRuns: 4, seed: 7 }));
  } catch {
    // Look-behind and other things that nobody can generate matches of.
  }
  return seeds.map((seed) => seed.slice(0, 24));
}

/** Each seed with one of its parts, or a filler, repeated, and an end that does not match. */
function* attacksOf(task: RedosTask): Generator<Attack> {
  for (const seed of seedsOf(task)) {
    for (const part of FILLERS) yield { head: seed, part, tail: END };
    for (let from = 0; from < Math.min(seed.length, 8); from += 1) {
      for (const size of [1, 2, 12]) {
        const [part, rest] = [seed.slice(from, from + size), seed.slice(from + size)];
        yield { head: seed.slice(0, from), part, tail: rest + END };
      }
    }
  }
}

function time(pattern: RegExp, { head, part, tail }: Attack, length: number): number {
  const text = head + part.repeat(Math.ceil(length / part.length)) + tail;
  const started = performance.now();
  let matches = 0;
  if (pattern.global) for (const _match of text.matchAll(pattern)) matches += 1;
  else matches += pattern.test(text) ? 1 : 0;
  return performance.now() - started + Math.min(0, matches);
}

parentPort?.on('message', (task: RedosTask) => {
  const pattern = new RegExp(task.source, task.flags);
  const tried = [...attacksOf(task)].map((attack) => ({ attack, ms: time(pattern, attack, SHORT) }));
  const hardest = tried.toSorted((a, b) => b.ms - a.ms).slice(0, HARDEST);
  for (const { attack } of hardest) time(pattern, attack, FULL);
  parentPort!.postMessage(tried.length);
});
