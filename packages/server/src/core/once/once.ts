import { createHash } from 'node:crypto';
import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Clock, Db, Tx } from '../ports.ts';
import { together } from '../together.ts';
import { claimKey, deleteOldKeys, fetchStored, storeResult, type KeyId } from './queries.ts';

const RETRY_SECONDS = 1;
/** How long a twin waits for the first on the same server before it is refused. */
const PATIENCE_MS = 2000;

/** Keys this process works on, with when each is done: a twin waits without a connection. */
const inFlight = new WeakMap<Db, Map<string, Promise<void>>>();

/** JSON text with sorted keys, so that equal requests have equal fingerprints. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/**
 * Runs a write verb in one transaction; with an Idempotency-Key, at most once per tenant and verb.
 * The key's row is part of the transaction: a crash leaves neither, a failure may be tried again.
 * @param verb scope of the key, with the ids of the path: `session.create`, `run.start:<session>`
 * @param input what must be equal when the key comes again within 24 hours
 * @returns the result of `work`, or the stored one of the first time
 * @throws IDEMPOTENCY_MISMATCH for another input; IDEMPOTENCY_IN_FLIGHT while the first goes on, on this
 *   server for more than two seconds, or on another
 */
export async function transactOnce<T extends object>(
  ctx: Ctx,
  verb: string,
  input: unknown,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const { idempotencyKey: key } = ctx;
  if (key === undefined) return ctx.db.transaction(work);
  const id: KeyId = { tenantId: ctx.principal.tenantId, scope: verb, key };
  const busy = busyKeys(ctx.db);
  const name = JSON.stringify([id.tenantId, verb, key]);
  const release = await takeTurn(ctx.clock, busy, name);
  try {
    return await runOnce(ctx, id, canonical(input), work);
  } finally {
    release();
  }
}

/** @throws IDEMPOTENCY_IN_FLIGHT when twins before this one take too long */
async function takeTurn(clock: Clock, busy: Map<string, Promise<void>>, name: string): Promise<() => void> {
  const late = Promise.withResolvers<boolean>();
  const timer = busy.has(name) ? clock.after(PATIENCE_MS, () => late.resolve(true)) : null;
  try {
    for (let twin = busy.get(name); twin !== undefined; twin = busy.get(name)) {
      if (await Promise.race([twin.then(() => false), late.promise])) throw refuseTwin();
    }
  } finally {
    timer?.cancel();
  }
  // Nothing is awaited since the look that found it free.
  const done = Promise.withResolvers<void>();
  busy.set(name, done.promise);
  return () => {
    busy.delete(name);
    done.resolve();
  };
}

function runOnce<T extends object>(
  ctx: Ctx,
  id: KeyId,
  input: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const fingerprint = createHash('sha256').update(input).digest('hex');
  return ctx.db.transaction(async (tx) => {
    const claim = await claimKey(tx, id, fingerprint);
    if (claim === 'busy') throw refuseTwin();
    if (claim === 'known') {
      const stored = await fetchStored(tx, id);
      if (stored.fingerprint !== fingerprint) throw new DomainError('IDEMPOTENCY_MISMATCH');
      ctx.onReplay?.();
      return JSON.parse(stored.body) as T;
    }
    const result = await work({ ...tx, last: together });
    await storeResult(tx, id, JSON.stringify(result));
    return result;
  });
}

function busyKeys(db: Db): Map<string, Promise<void>> {
  let busy = inFlight.get(db);
  if (busy === undefined) inFlight.set(db, (busy = new Map()));
  return busy;
}

function refuseTwin(): DomainError {
  return new DomainError('IDEMPOTENCY_IN_FLIGHT', undefined, { retryAfter: RETRY_SECONDS });
}

/** Forgets keys older than 24 hours. @returns how many */
export function purgeIdempotencyKeys(ctx: Pick<Ctx, 'db'>): Promise<number> {
  return deleteOldKeys(ctx.db);
}
