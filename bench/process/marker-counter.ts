/** Counts how often a text occurs in a stream of bytes, also across the border of two chunks. */
export class MarkerCounter {
  count = 0;
  readonly #marker: Buffer;
  #rest: Buffer = Buffer.alloc(0);

  constructor(marker: string) {
    this.#marker = Buffer.from(marker);
  }

  add(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = bytes.indexOf(this.#marker);
    let end = 0;
    for (; at !== -1; at = bytes.indexOf(this.#marker, end)) {
      this.count += 1;
      end = at + this.#marker.length;
    }
    const keep = Math.max(end, bytes.length - this.#marker.length + 1);
    this.#rest = Buffer.from(bytes.subarray(keep));
  }
}
