import { randomUUID } from 'node:crypto';
import { Holder, type Claim } from '@holdfast/holder';
import type { Services } from '../../core/context.ts';
import { abandonLeases, beatLeases } from '../../core/lease/index.ts';
import { claimRun, type RunClaim } from '../../core/run/index.ts';
import type { SessionKey } from '../../core/signal/index.ts';
import { executeRun } from '../../features/agent/index.ts';

interface ServerClaim extends Claim {
  run: RunClaim;
}

/** This server as a holder: it executes runs through the same package that outside holders use. */
export interface Executor {
  readonly holder: string;
  /** Runs being executed now. */
  size(): number;
  start(): void;
  /** Takes no more runs; what is not done after `graceMs` goes to another server at once. */
  stop(graceMs: number): Promise<void>;
}

const POLL_MS = 1000;

export function createExecutor(services: Services, concurrency: number): Executor {
  const name = `server:${randomUUID()}`;
  const claimer = { holder: name, actor: name };
  const { leaseTtlMs } = services.settings;
  const holder = new Holder<ServerClaim, SessionKey>({
    transport: {
      async claim(hint) {
        const run = await claimRun(services, claimer, hint);
        if (run === null) return null;
        return { session_id: run.sessionId, epoch: run.epoch, ttl_ms: leaseTtlMs, run };
      },
      heartbeat: (claims) =>
        beatLeases(
          services.db,
          claims.map(({ run }) => run),
        ),
    },
    work: (claim, { signal }) => executeRun(services, claim.run, signal),
    clock: services.clock,
    concurrency,
    ttlMs: leaseTtlMs,
    pollMs: POLL_MS,
    onError: (err, claim) =>
      services.logger.error(
        { err, session_id: claim?.session_id },
        'a run could not go on; it will be recovered',
      ),
  });
  const off = [
    services.signals.onReady((key) => holder.poke(key)),
    services.signals.onCancelled((runId) =>
      holder.abort(({ run }) => run.runId === runId, new Error('cancelled')),
    ),
  ];
  return {
    holder: name,
    size: () => holder.size,
    start: () => holder.start(),
    async stop(graceMs) {
      for (const unsubscribe of off) unsubscribe();
      await holder.stop(graceMs);
      await abandonLeases(services, name);
    },
  };
}
