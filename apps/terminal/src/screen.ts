import type { Piece, Tone } from './transcript.ts';

export interface Output {
  write(text: string): unknown;
}

/** Everything but line breaks and tabs that a terminal would obey instead of show. */
const CONTROL = /(?![\n\t])\p{Cc}/gu;
const STYLE: Readonly<Record<Tone, string>> = { dim: '\x1b[2m', error: '\x1b[31m', said: '\x1b[1m' };
const RESET = '\x1b[0m';

export interface ScreenOptions {
  /** Takes the answers. */
  out: Output;
  /** Takes everything else; may be the same. */
  notes: Output;
  color: boolean;
}

/** Writes pieces so that each line begins at the left edge. */
export class Screen {
  readonly #out: Output;
  readonly #notes: Output;
  readonly #color: boolean;
  readonly #midLine = new Set<Output>();

  constructor({ out, notes, color }: ScreenOptions) {
    this.#out = out;
    this.#notes = notes;
    this.#color = color;
  }

  print(pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      if (piece.kind === 'text') this.#write(this.#out, printable(piece.text));
      else if (piece.kind === 'end') this.#freshLine(this.#out);
      else this.line(piece.tone, piece.text);
    }
  }

  line(tone: Tone, text: string): void {
    this.#freshLine(this.#notes);
    const shown = printable(text);
    this.#notes.write(this.#color ? `${STYLE[tone]}${shown}${RESET}\n` : `${shown}\n`);
  }

  /** Something else, such as a prompt, stands on the current line (or, after Enter, no longer does). */
  setMidLine(midLine: boolean): void {
    if (midLine) this.#midLine.add(this.#out);
    else this.#midLine.delete(this.#out);
  }

  /** Ends the current line if anything stands on it. */
  freshLine(): void {
    this.#freshLine(this.#out);
  }

  #write(output: Output, text: string): void {
    if (text === '') return;
    output.write(text);
    if (text.endsWith('\n')) this.#midLine.delete(output);
    else this.#midLine.add(output);
  }

  #freshLine(output: Output): void {
    if (this.#midLine.delete(output)) output.write('\n');
  }
}

/** Text of others, without what could move the cursor or change the terminal. */
export function printable(text: string): string {
  return text.replace(CONTROL, '');
}
