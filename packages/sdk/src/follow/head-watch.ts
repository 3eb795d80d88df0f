const PATIENCE_MS = 5000;

/** Notices that the log has grown while nothing of it arrives. */
export class HeadWatch {
  #seq = -1;
  #since = 0;

  /**
   * @param head where the server says the log ends
   * @param seq what has arrived
   * @param now milliseconds of a monotonic clock
   * @returns whether the connection has been stuck at `seq` for too long
   */
  isStuck(head: number, seq: number, now: number): boolean {
    if (head <= seq) {
      this.#seq = -1;
      return false;
    }
    if (this.#seq !== seq) {
      this.#seq = seq;
      this.#since = now;
      return false;
    }
    return now - this.#since >= PATIENCE_MS;
  }
}
