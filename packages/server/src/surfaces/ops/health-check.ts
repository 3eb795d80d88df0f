import type { Clock } from '../../core/ports.ts';

export type CheckStatus = 'up' | 'down';

/** One thing the server depends on. */
export interface HealthCheck {
  name: string;
  /** Without it nothing works: `down` makes the whole unhealthy instead of degraded. */
  essential: boolean;
  /** Resolves with whether it answers, and what to say of it; a rejection means `down`. */
  run(): Promise<{ status: CheckStatus; message?: string }>;
}

export interface CheckResult {
  name: string;
  status: CheckStatus;
  essential: boolean;
  /** Milliseconds. */
  response_ms: number;
  message: string | null;
}

export interface HealthReport {
  status: 'healthy' | 'degraded' | 'unhealthy';
  checks: CheckResult[];
}

const TIMEOUT_MS = 2000;
/** However often it is asked for, each check runs at most this often. */
const FRESH_MS = 2000;

/** Runs all checks side by side, each for two seconds at most; askers within two seconds share one result. */
export class HealthChecks {
  readonly #checks: readonly HealthCheck[];
  readonly #clock: Clock;
  #last: { at: number; report: Promise<HealthReport> } | null = null;

  constructor(clock: Clock, checks: readonly HealthCheck[]) {
    this.#clock = clock;
    this.#checks = checks;
  }

  report(): Promise<HealthReport> {
    const now = this.#clock.monotonic();
    if (this.#last === null || now - this.#last.at >= FRESH_MS) this.#last = { at: now, report: this.#run() };
    return this.#last.report;
  }

  async #run(): Promise<HealthReport> {
    const checks = await Promise.all(this.#checks.map((check) => this.#runOne(check)));
    const down = checks.filter(({ status }) => status === 'down');
    const broken = down.some(({ essential }) => essential);
    return { status: broken ? 'unhealthy' : down.length > 0 ? 'degraded' : 'healthy', checks };
  }

  async #runOne({ name, essential, run }: HealthCheck): Promise<CheckResult> {
    const started = this.#clock.monotonic();
    const late = Promise.withResolvers<{ status: CheckStatus; message?: string }>();
    const timer = this.#clock.after(TIMEOUT_MS, () =>
      late.resolve({ status: 'down', message: `no answer within ${TIMEOUT_MS} ms` }),
    );
    // What it failed with may name hosts and users: anybody may read this.
    const failed = { status: 'down' as const, message: 'it does not answer' };
    const { status, message } = await Promise.race([run().catch(() => failed), late.promise]);
    timer.cancel();
    const ms = Math.round((this.#clock.monotonic() - started) * 10) / 10;
    return { name, status, essential, response_ms: ms, message: message ?? null };
  }
}
