import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { constants, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { BuildLock } from './build-lock.ts';
import { fingerprintSources } from './fingerprint.ts';

/** `absent`: there is neither a built page nor what builds one. */
export type BuildState = 'ready' | 'building' | 'absent' | 'failed';

export interface BuildOptions {
  /** Folder of the whole repository. */
  repository: string;
  /** For the person at the terminal. */
  say: (line: string) => void;
}

const STAMP = 'built-from';
/** A page that is there need not be checked while the server is still busy starting. */
const CHECK_DELAY_MS = 2_000;
const KEPT_OUTPUT = 2_000;

/**
 * Builds the page when it is not there or its sources have changed: in a child process, beside the
 * running server. Servers that start in one folder leave it to one of them.
 */
export class DashboardBuild {
  readonly folder: string;
  readonly #app: string;
  readonly #options: BuildOptions;
  readonly #lock: BuildLock;
  #checking: Promise<BuildState> | null = null;
  #settled: BuildState | null = null;
  #isBuilding = false;
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: BuildOptions) {
    this.#options = options;
    this.#app = join(options.repository, 'apps/dashboard');
    this.folder = join(this.#app, 'dist');
    this.#lock = new BuildLock(join(this.#app, '.building'));
  }

  /** Looks whether the page is there and up to date, and begins to build it if not; returns at once. */
  start(): void {
    const check = (): void => void this.state();
    this.#timer = setTimeout(check, this.#isThere() ? CHECK_DELAY_MS : 0);
    this.#timer.unref();
  }

  /** Whether the page can be served now; the first call may begin to build it. */
  async state(): Promise<BuildState> {
    if (this.#settled !== null) return this.#settled;
    if (this.#isBuilding) return 'building';
    this.#checking ??= this.#check()
      .catch((error: unknown) => this.#fail(String(error)))
      .finally(() => (this.#checking = null));
    return this.#checking;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer ?? undefined);
    this.#child?.kill('SIGKILL');
  }

  async #check(): Promise<BuildState> {
    const wanted = await fingerprintSources(this.#options.repository);
    if (wanted !== null && this.#isBuiltFrom(wanted)) return (this.#settled = 'ready');
    const vite = this.#findVite();
    if (wanted === null || vite === null) return this.#settle();
    if (this.#stopped || !this.#lock.take()) return 'building';
    // Another server may have finished since we looked.
    if (this.#isBuiltFrom(wanted)) {
      this.#lock.release();
      return (this.#settled = 'ready');
    }
    this.#isBuilding = true;
    void this.#replace(vite, wanted)
      .then(() => (this.#settled = 'ready'))
      .catch((error: unknown) => this.#fail(error instanceof Error ? error.message : String(error)))
      .finally(() => (this.#isBuilding = false));
    return 'building';
  }

  /** It cannot be built here: one that was delivered built is as good. */
  #settle(): BuildState {
    this.#settled = this.#isThere() ? 'ready' : 'absent';
    if (this.#settled === 'absent')
      this.#options.say('The dashboard is not built, and what builds it is not installed. The API is up.');
    return this.#settled;
  }

  async #replace(vite: string, wanted: string): Promise<void> {
    const made = `${this.folder}.${process.pid}`;
    try {
      await this.#sweep();
      await this.#build(vite, made);
      await writeFile(join(made, STAMP), wanted);
      await rm(this.folder, { recursive: true, force: true });
      await rename(made, this.folder);
    } finally {
      await rm(made, { recursive: true, force: true });
      this.#lock.release();
    }
  }

  /** What servers that were killed while they built have left. */
  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#app))
      if (name.startsWith('dist.')) await rm(join(this.#app, name), { recursive: true, force: true });
  }

  #isBuiltFrom(wanted: string): boolean {
    try {
      return readFileSync(join(this.folder, STAMP), 'utf8') === wanted && this.#isThere();
    } catch {
      return false;
    }
  }

  #isThere(): boolean {
    return existsSync(join(this.folder, 'index.html'));
  }

  async #build(vite: string, folder: string): Promise<void> {
    const { say } = this.#options;
    say('Building the dashboard, once after each install; the API is up already …');
    const started = performance.now();
    const args = [vite, 'build', '--configLoader', 'native', '--outDir', folder, '--emptyOutDir'];
    const child = spawn(process.execPath, [...args, '--logLevel', 'warn'], {
      cwd: this.#app,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    if (child.pid !== undefined) beNice(child.pid);
    let output = '';
    const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-KEPT_OUTPUT));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    this.#child = null;
    if (code !== 0) throw new Error(output.trim() || `the build ended with ${code ?? 'a signal'}`);
    say(`The dashboard is ready (built in ${((performance.now() - started) / 1000).toFixed(1)} s).`);
  }

  #fail(why: string): BuildState {
    if (this.#stopped) return 'building';
    this.#settled = 'failed';
    this.#options.say(`The dashboard could not be built: ${why}`);
    return 'failed';
  }

  #findVite(): string | null {
    try {
      const found = createRequire(join(this.#app, 'package.json')).resolve('vite/package.json');
      return join(dirname(found), 'bin/vite.js');
    } catch {
      return null;
    }
  }
}

/** Requests go first. */
function beNice(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already.
  }
}
