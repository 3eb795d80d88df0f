import { sql } from 'kysely';
import type { Queryable, Statement, Tx } from '../ports.ts';

export interface KeyId {
  tenantId: string;
  scope: string;
  key: string;
}

/**
 * The lock tells a twin in flight on another server from one that is done. An expired key is as good
 * as none. Its number serves as a seed only: nothing else hashes with it.
 */
const CLAIM: Statement = {
  name: 'once_claim',
  text: `with l as materialized (
      select pg_try_advisory_xact_lock(hashtextextended(concat_ws('/', $1::uuid, $2::text, $3::text), 7300002)) as free
    ), c as (
      insert into idempotency_keys (tenant_id, scope, key, fingerprint)
      select $1::uuid, $2::text, $3::text, $4 from l where l.free
      on conflict (tenant_id, scope, key) do update
        set fingerprint = excluded.fingerprint, body = null, created_at = clock_timestamp()
        where idempotency_keys.created_at < clock_timestamp() - interval '24 hours'
      returning 1
    )
    select l.free, exists (select 1 from c) as claimed from l`,
};

/** `mine`: to be worked on, and locked until the transaction ends. */
export async function claimKey(
  tx: Tx,
  { tenantId, scope, key }: KeyId,
  fingerprint: string,
): Promise<'mine' | 'known' | 'busy'> {
  const values = [tenantId, scope, key, fingerprint];
  const [row] = await tx.query<{ free: boolean; claimed: boolean }>(CLAIM, values);
  if (!row!.free) return 'busy';
  return row!.claimed ? 'mine' : 'known';
}

const ofKey = ({ tenantId, scope, key }: KeyId) => ({ tenant_id: tenantId, scope, key });

export async function fetchStored(tx: Tx, id: KeyId): Promise<{ fingerprint: string; body: string }> {
  const row = await tx.kysely
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'body'])
    .where((eb) => eb.and(ofKey(id)))
    .executeTakeFirstOrThrow();
  return { fingerprint: row.fingerprint, body: row.body! };
}

export async function storeResult(tx: Tx, id: KeyId, body: string): Promise<void> {
  await tx.kysely
    .updateTable('idempotency_keys')
    .set({ body })
    .where((eb) => eb.and(ofKey(id)))
    .execute();
}

export async function deleteOldKeys(db: Queryable): Promise<number> {
  const result = await db.kysely
    .deleteFrom('idempotency_keys')
    .where('created_at', '<', sql<Date>`clock_timestamp() - interval '24 hours'`)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
