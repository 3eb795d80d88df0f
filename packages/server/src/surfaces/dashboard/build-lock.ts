import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Held by this process: a number alone may be that of a predecessor, as in a container that was killed. */
const ours = new Set<string>();

/** One build at a time, however many servers start in one folder. */
export class BuildLock {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @returns false while another living process has it */
  take(): boolean {
    for (const last of [false, true]) {
      try {
        writeFileSync(this.#path, String(process.pid), { flag: 'wx' });
        ours.add(this.#path);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        if (last || this.#isHeld()) return false;
        rmSync(this.#path, { force: true });
      }
    }
    return false;
  }

  release(): void {
    ours.delete(this.#path);
    rmSync(this.#path, { force: true });
  }

  #isHeld(): boolean {
    if (ours.has(this.#path)) return true;
    try {
      const pid = Number(readFileSync(this.#path, 'utf8'));
      if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  }
}
