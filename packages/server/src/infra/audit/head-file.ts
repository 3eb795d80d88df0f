import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { SignedHead } from '../../core/ports.ts';

/** Longer than any head; what is longer is not parsed. */
const MAX_LINE = 4096;

/** Heads one a line, only ever appended to. Readable by its owner only. */
export class HeadFile {
  readonly #path: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** One after another; on the disk when it resolves. */
  append(heads: readonly SignedHead[]): Promise<void> {
    const turn = this.#last.then(() => this.#append(heads));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #append(heads: readonly SignedHead[]): Promise<void> {
    if (heads.length === 0) return;
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const file = await open(this.#path, 'a+', 0o600);
    try {
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
      // A crash in mid-write leaves half a line: the next one must not be lost with it.
      const torn = bytesRead === 1 && buffer[0] !== 0x0a;
      const lines = heads.map((head) => `${JSON.stringify(head)}\n`).join('');
      await file.write(torn ? `\n${lines}` : lines);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  read(): AsyncGenerator<unknown, void> {
    return readJsonLines(this.#path);
  }
}

/** The lines of a file as JSON, none if there is no file; a line that is no JSON is left out. */
export async function* readJsonLines(path: string): AsyncGenerator<unknown, void> {
  const input = createReadStream(path, 'utf8');
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      const value = parseLine(line);
      if (value !== undefined) yield value;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    input.destroy();
  }
}

function parseLine(line: string): unknown {
  if (line === '' || line.length > MAX_LINE) return undefined;
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
