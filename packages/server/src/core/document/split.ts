export interface Chunk {
  /** Headings above the text, joined by " > ". */
  heading: string;
  /** Line of the document where the text starts, from 1. */
  line: number;
  text: string;
}

const MAX_CHARS = 1_200;
/** A blank line is taken as the place to cut only when this much comes before it. */
const MIN_CHARS = 400;
const MAX_HEADING = 300;
const HEADING = /^ {0,3}(#{1,6})(?=\s)/;
const FENCE = /^ {0,3}(```|~~~)/;

/**
 * Cuts a document into passages of at most about 1,200 characters: at headings (Markdown), else at blank
 * lines, else between lines, and inside a line only when that line alone is longer.
 * Lines keep their text and order, so a passage's line number holds for each of its lines.
 */
export function splitDocument(content: string, mediaType: string): Chunk[] {
  const markdown = mediaType === 'text/markdown';
  const cutter = new Cutter();
  let fence: string | null = null;
  content.split(/\r\n|\n|\r/).forEach((line, index) => {
    const mark = FENCE.exec(line)?.[1] ?? null;
    if (mark !== null && (fence === null || fence === mark)) fence = fence === null ? mark : null;
    const heading = markdown && fence === null && mark === null ? readHeading(line) : null;
    if (heading) cutter.openSection(heading.level, heading.title, index + 1);
    else cutter.addLine(line, index + 1);
  });
  return cutter.finish();
}

/** By hand: one pattern for all of it takes cubic time on a long line. */
function readHeading(line: string): { level: number; title: string } | null {
  const mark = HEADING.exec(line);
  if (mark === null) return null;
  const rest = line.slice(mark[0].length).trim();
  let end = rest.length;
  while (rest[end - 1] === '#') end -= 1;
  return { level: mark[1]!.length, title: rest.slice(0, end).trimEnd() };
}

class Cutter {
  readonly #chunks: Chunk[] = [];
  #path: { level: number; title: string; line: number }[] = [];
  /** Whether the innermost heading has text of its own yet. */
  #bare = false;
  #start = 1;
  #lines: string[] = [];
  #size = 0;

  openSection(level: number, title: string, line: number): void {
    this.#flush(this.#lines.length);
    // A parent section is named by its children's headings; any other empty one stands for itself.
    if (this.#bare && (this.#path.at(-1)?.level ?? 0) >= level) this.#emitHeading();
    this.#path = [...this.#path.filter((above) => above.level < level), { level, title, line }];
    this.#bare = true;
  }

  addLine(line: string, number: number): void {
    if (this.#lines.length > 0 && this.#size + line.length + 1 > MAX_CHARS) this.#flush(this.#cutPoint());
    if (this.#lines.length > 0 && this.#size + line.length + 1 > MAX_CHARS) this.#flush(this.#lines.length);
    if (this.#lines.length === 0) this.#start = number;
    if (line.length <= MAX_CHARS) {
      this.#lines.push(line);
      this.#size += line.length + 1;
      return;
    }
    for (const piece of splitLine(line)) this.#emit(piece, number);
  }

  finish(): Chunk[] {
    this.#flush(this.#lines.length);
    if (this.#bare) this.#emitHeading();
    return this.#chunks;
  }

  /** How many of the gathered lines to cut off: up to the last blank line that leaves enough before it. */
  #cutPoint(): number {
    let size = this.#size;
    for (let index = this.#lines.length - 1; index > 0 && size > MIN_CHARS; index -= 1) {
      const line = this.#lines[index] ?? '';
      size -= line.length + 1;
      if (line.trim() === '' && size >= MIN_CHARS) return index;
    }
    return this.#lines.length;
  }

  #flush(count: number): void {
    const lines = this.#lines.slice(0, count);
    const rest = this.#lines.slice(count);
    const first = lines.findIndex((line) => line.trim() !== '');
    if (first >= 0) this.#emit(lines.slice(first).join('\n').trimEnd(), this.#start + first);
    this.#start += count;
    this.#lines = rest;
    this.#size = rest.reduce((sum, line) => sum + line.length + 1, 0);
  }

  #emitHeading(): void {
    const own = this.#path.at(-1);
    if (own && own.title !== '') this.#emit(own.title, own.line);
  }

  #emit(text: string, line: number): void {
    if (text.trim() === '') return;
    const heading = this.#path.map(({ title }) => title).join(' > ');
    this.#chunks.push({ heading: heading.slice(0, MAX_HEADING).toWellFormed(), line, text });
    this.#bare = false;
  }
}

/** Pieces of at most MAX_CHARS, cut after a sentence or a word where there is one. */
function splitLine(line: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  while (start < line.length) {
    const end = start + MAX_CHARS < line.length ? pieceEnd(line, start) : line.length;
    pieces.push(line.slice(start, end));
    start = end;
  }
  return pieces;
}

function pieceEnd(line: string, start: number): number {
  const limit = start + MAX_CHARS;
  let word = -1;
  for (let end = limit; end > start + MIN_CHARS; end -= 1) {
    if (line[end - 1] !== ' ') continue;
    if (word < 0) word = end;
    if ('.!?'.includes(line[end - 2] ?? ' ')) return end;
  }
  if (word >= 0) return word;
  return isHighSurrogate(line, limit - 1) ? limit - 1 : limit;
}

function isHighSurrogate(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0xd800 && code <= 0xdbff;
}
