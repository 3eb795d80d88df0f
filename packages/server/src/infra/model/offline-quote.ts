import { stem } from './offline-intent.ts';

export interface Passage {
  document: string;
  /** Line of the passage's first line in its document; null when lines mean nothing there. */
  line: number | null;
  heading: string;
  text: string;
}

interface Sentence {
  text: string;
  document: string;
  line: number | null;
  heading: string;
  /** Position of its passage among the results, best first. */
  passage: number;
  order: number;
  words: number;
  score: number;
}

const MOST_WORDS = 220;
const LONGEST_SENTENCE = 60;
/** Sentences of passages this far down are quoted only when they share a word with the question. */
const TRUSTED_PASSAGES = 3;
const UNIT_START = /^\s*(?:[-*+>|#]|\d+[.)]\s|```|~~~)/;
const MARKUP = /^\s*(?:>\s*)?(?:[-*+]\s+(?:\[[ x]\]\s+)?|\d+[.)]\s+|#{1,6}\s+)?/i;
const NOISE = /^[\s|:=\-*_~`#>]*$|^\s*(?:```|~~~)/;

/**
 * The sentences of `passages` that say most about `terms`, at most about 220 words, grouped by document
 * in reading order, each with its citation such as `[guide.md:12]`. Empty when there is nothing to quote.
 */
export function quote(passages: readonly Passage[], terms: readonly string[]): string {
  const sentences = passages.flatMap((passage, index) => toSentences(passage, index));
  scoreSentences(sentences, terms);
  const seen = new Set<string>();
  const chosen: Sentence[] = [];
  let words = 0;
  for (const sentence of sentences.toSorted((a, b) => b.score - a.score || a.order - b.order)) {
    const key = sentence.text.toLowerCase();
    if (sentence.score <= 0 || seen.has(key) || words + sentence.words > MOST_WORDS) continue;
    seen.add(key);
    chosen.push(sentence);
    words += sentence.words;
  }
  return layOut(chosen);
}

function layOut(chosen: readonly Sentence[]): string {
  const best = new Map<string, number>();
  for (const { document, score } of chosen) best.set(document, Math.max(best.get(document) ?? 0, score));
  const ordered = chosen.toSorted(
    (a, b) =>
      (best.get(b.document) ?? 0) - (best.get(a.document) ?? 0) ||
      a.document.localeCompare(b.document) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      a.order - b.order,
  );
  let text = '';
  let section = '';
  for (const sentence of ordered) {
    const current = `${sentence.document}\n${sentence.heading}`;
    if (text !== '') text += current === section ? ' ' : '\n\n';
    section = current;
    const source = sentence.line === null ? sentence.document : `${sentence.document}:${sentence.line}`;
    text += `${sentence.text} [${source}]`;
  }
  return text;
}

/** Rare words of the question weigh more; a heading that shares words and a good rank add a little. */
function scoreSentences(sentences: Sentence[], terms: readonly string[]): void {
  const bags = sentences.map((sentence) => toBag(sentence.text));
  const frequency = new Map(terms.map((term) => [term, bags.filter((bag) => bag.has(term)).length]));
  sentences.forEach((sentence, index) => {
    const bag = bags[index];
    const heading = toBag(sentence.heading);
    // A fragment ("Context.") says nothing by its rank alone.
    const trusted = sentence.passage < TRUSTED_PASSAGES && sentence.words > 1;
    let score = trusted ? 0.3 / (1 + sentence.passage) : 0;
    for (const term of terms) {
      if (bag?.has(term)) score += Math.log(2 + sentences.length / (1 + (frequency.get(term) ?? 0)));
      if (score > 0 && heading.has(term)) score += 0.4;
    }
    if (sentence.words < 4) score *= 0.4;
    sentence.score = score;
  });
}

function toBag(text: string): Set<string> {
  return new Set((text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).map(stem));
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

function toSentences(passage: Passage, index: number): Sentence[] {
  const sentences: Sentence[] = [];
  for (const unit of toUnits(passage.text)) {
    for (const { segment, index: start } of splitSentences(unit.text)) {
      const words = segment.match(/\S+/g) ?? [];
      if (!/\p{L}/u.test(segment) || NOISE.test(segment)) continue;
      const cut = words.length > LONGEST_SENTENCE;
      sentences.push({
        text: cut ? `${words.slice(0, LONGEST_SENTENCE).join(' ')} ...` : words.join(' '),
        document: passage.document,
        line: passage.line === null ? null : passage.line + unit.lineAt(start),
        heading: passage.heading,
        passage: index,
        order: index * 10_000 + sentences.length,
        words: Math.min(words.length, LONGEST_SENTENCE),
        score: 0,
      });
    }
  }
  return sentences;
}

/** A dot inside code or an abbreviation ends no sentence: what goes on in lower case belongs together. */
function splitSentences(text: string): { segment: string; index: number }[] {
  const parts: { segment: string; index: number }[] = [];
  for (const { segment, index } of segmenter.segment(text)) {
    const before = parts.at(-1);
    if (before !== undefined && /^[\p{Ll}`]/u.test(segment)) before.segment += segment;
    else parts.push({ segment, index });
  }
  return parts;
}

interface Unit {
  text: string;
  /** Lines between the start of the passage and this offset of `text`. */
  lineAt(offset: number): number;
}

/** Paragraphs, list items, table rows and lines of code; wrapped lines of one paragraph are joined. */
function toUnits(text: string): Unit[] {
  const groups: { line: number; text: string }[][] = [];
  let open = false;
  let code = false;
  text.split('\n').forEach((raw, line) => {
    const fence = /^\s*(?:```|~~~)/.test(raw);
    if (raw.trim() === '' || NOISE.test(raw)) open = false;
    else {
      const piece = { line, text: code ? raw.trim() : toPlain(raw) };
      if (open && !code && !UNIT_START.test(raw)) groups.at(-1)?.push(piece);
      else groups.push([piece]);
      open = !code && !/^\s*(?:#{1,6}\s|\|)/.test(raw);
    }
    if (fence) code = !code;
  });
  return groups.map(joinLines);
}

/** Without list markers, emphasis and table bars: `| word | meaning |` reads "word: meaning". */
function toPlain(line: string): string {
  const row = /^\s*\|(.*)\|\s*$/.exec(line)?.[1];
  const plain = row === undefined ? line.replace(MARKUP, '') : row.split('|').join(': ');
  return plain.replaceAll('**', '').replace(/\s+/g, ' ').replaceAll(' : ', ': ').trim();
}

function joinLines(pieces: readonly { line: number; text: string }[]): Unit {
  const starts: { offset: number; line: number }[] = [];
  let text = '';
  for (const piece of pieces) {
    if (text !== '') text += ' ';
    starts.push({ offset: text.length, line: piece.line });
    text += piece.text;
  }
  return { text, lineAt: (offset) => starts.findLast((start) => start.offset <= offset)?.line ?? 0 };
}
