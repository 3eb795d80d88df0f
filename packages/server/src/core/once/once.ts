import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Tx } from '../ports.ts';
import { together } from '../together.ts';

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
 * The key's row is part of the transaction: a crash leaves neither, a concurrent twin waits for it.
 * @param verb scope of the key, such as `session.create`
 * @param input what must be equal when the key comes again; otherwise IDEMPOTENCY_MISMATCH
 * @returns the result of `work`, or the stored one of the first time
 */
export function transactOnce<T extends object>(
  ctx: Ctx,
  verb: string,
  input: unknown,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const { idempotencyKey: key } = ctx;
  if (key === undefined) return ctx.db.transaction(work);
  const keys = { tenant_id: ctx.principal.tenantId, scope: verb, key };
  const fingerprint = createHash('sha256').update(canonical(input)).digest('hex');
  return ctx.db.transaction(async (tx) => {
    const claimed = await tx.kysely
      .insertInto('idempotency_keys')
      .values({ ...keys, fingerprint })
      .onConflict((conflict) => conflict.doNothing())
      .returning('key')
      .executeTakeFirst();
    const mine = tx.kysely.selectFrom('idempotency_keys').where((eb) => eb.and(keys));
    if (claimed === undefined) {
      const stored = await mine.select(['fingerprint', 'body']).executeTakeFirstOrThrow();
      if (stored.fingerprint !== fingerprint) throw new DomainError('IDEMPOTENCY_MISMATCH');
      ctx.onReplay?.();
      return JSON.parse(stored.body!) as T;
    }
    const result = await work({ ...tx, last: together });
    await tx.kysely
      .updateTable('idempotency_keys')
      .set({ body: JSON.stringify(result) })
      .where((eb) => eb.and(keys))
      .execute();
    return result;
  });
}

/** Forgets keys older than 24 hours. @returns how many */
export async function purgeIdempotencyKeys(ctx: Pick<Ctx, 'db'>): Promise<number> {
  const result = await ctx.db.kysely
    .deleteFrom('idempotency_keys')
    .where('created_at', '<', sql<Date>`clock_timestamp() - interval '24 hours'`)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
