import { sql } from 'kysely';
import type { ChainEnd } from '../../core/audit/index.ts';
import type { Queryable, Tx } from '../../core/ports.ts';

export async function fetchHead(db: Queryable, tenantId: string): Promise<ChainEnd> {
  const row = await db.kysely
    .selectFrom('audit_heads')
    .select(['seq', 'hash'])
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  return row ?? { seq: 0, hash: '' };
}

/** The ends of all chains, some at a time. */
export function selectHeads(
  db: Queryable,
  afterTenant: string | null,
  limit: number,
): Promise<(ChainEnd & { tenant_id: string })[]> {
  let query = db.kysely.selectFrom('audit_heads').select(['tenant_id', 'seq', 'hash']);
  if (afterTenant !== null) query = query.where('tenant_id', '>', afterTenant);
  return query.orderBy('tenant_id').limit(limit).execute();
}

/** The stored hash of each of these entries that is still there. @returns by `tenant_id:seq` */
export async function selectHashes(
  db: Queryable,
  places: readonly { tenant_id: string; seq: number }[],
): Promise<Map<string, string>> {
  if (places.length === 0) return new Map();
  const tenants = places.map(({ tenant_id }) => tenant_id);
  const seqs = places.map(({ seq }) => seq);
  const { rows } = await sql<{ tenant_id: string; seq: number; hash: string }>`
    select e.tenant_id, e.seq, e.hash from audit_entries e
    join unnest(${tenants}::uuid[], ${seqs}::bigint[]) place(tenant_id, seq) using (tenant_id, seq)`.execute(
    db.kysely,
  );
  return new Map(rows.map(({ tenant_id, seq, hash }) => [`${tenant_id}:${seq}`, hash]));
}

/** The first entry beyond the recorded end of its chain, if there is one. */
export async function findBeyondHead(db: Queryable, tenantId: string): Promise<number | null> {
  const { rows } = await sql<{ seq: number | null }>`
    select min(e.seq) as seq from audit_entries e
    where e.tenant_id = ${tenantId}
    and e.seq > coalesce((select h.seq from audit_heads h where h.tenant_id = ${tenantId}), 0)`.execute(
    db.kysely,
  );
  return rows[0]?.seq ?? null;
}

export async function fetchCheckpoint(
  db: Queryable,
  tenantId: string,
): Promise<{ seq: number; statement: unknown } | null> {
  const row = await db.kysely
    .selectFrom('audit_checkpoints')
    .select(['seq', 'statement'])
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  return row === undefined ? null : { seq: row.seq, statement: JSON.parse(row.statement) as unknown };
}

export async function saveCheckpoint(
  tx: Tx,
  row: { tenant_id: string; seq: number; statement: string },
): Promise<void> {
  const { seq, statement } = row;
  await tx.kysely
    .insertInto('audit_checkpoints')
    .values(row)
    .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet({ seq, statement }))
    .execute();
}

/** Up to and with `through`, which a checkpoint must cover: the database refuses anything else. */
export async function deletePrefix(tx: Tx, tenantId: string, through: number): Promise<void> {
  await sql`select set_config('holdfast.audit_retention', 'on', true)`.execute(tx.kysely);
  await tx.kysely
    .deleteFrom('audit_entries')
    .where('tenant_id', '=', tenantId)
    .where('seq', '<=', through)
    .execute();
  await sql`select set_config('holdfast.audit_retention', 'off', true)`.execute(tx.kysely);
}

/** Chains with an entry that is older than `cutoff` and not their last. */
export async function selectExpiredChains(db: Queryable, cutoff: Date): Promise<string[]> {
  const rows = await db.kysely
    .selectFrom('audit_heads as h')
    .select('h.tenant_id')
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('audit_entries as e')
          .select(sql`1`.as('one'))
          .whereRef('e.tenant_id', '=', 'h.tenant_id')
          .whereRef('e.seq', '<', 'h.seq')
          .where('e.occurred_at', '<', cutoff),
      ),
    )
    .execute();
  return rows.map(({ tenant_id }) => tenant_id);
}

/** The oldest entries of a chain. */
export function selectOldest(
  db: Queryable,
  tenantId: string,
  limit: number,
): Promise<{ seq: number; hash: string; occurred_at: Date }[]> {
  return db.kysely
    .selectFrom('audit_entries')
    .select(['seq', 'hash', 'occurred_at'])
    .where('tenant_id', '=', tenantId)
    .orderBy('seq')
    .limit(limit)
    .execute();
}

/** Whether that actor has looked at that log since `since`. */
export async function hasViewed(
  db: Queryable,
  tenantId: string,
  { actor, log, since }: { actor: string; log: string; since: Date },
): Promise<boolean> {
  const row = await db.kysely
    .selectFrom('audit_entries')
    .select('seq')
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`actor ->> 'id' = ${actor}`)
    .where('action', '=', 'audit.viewed')
    .where(sql<boolean>`targets -> 0 ->> 'id' = ${log}`)
    .where('occurred_at', '>', since)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** The ends of those of these chains that the database has, or whose tenant it has. */
export async function selectExistingChains(
  db: Queryable,
  tenantIds: readonly string[],
): Promise<{ tenant_id: string; seq: number }[]> {
  const { rows } = await sql<{ tenant_id: string; seq: number }>`
    select chain.tenant_id, coalesce(h.seq, 0) as seq from unnest(${tenantIds}::uuid[]) chain(tenant_id)
    left join audit_heads h using (tenant_id)
    where h.seq is not null or exists (select 1 from tenants t where t.id = chain.tenant_id)`.execute(
    db.kysely,
  );
  return rows;
}

/** Up to which entry the retention has deleted. @returns by tenant; those without are left out */
export async function selectTrimmed(
  db: Queryable,
  tenantIds: readonly string[],
): Promise<Map<string, number>> {
  if (tenantIds.length === 0) return new Map();
  const rows = await db.kysely
    .selectFrom('audit_checkpoints')
    .select(['tenant_id', 'seq'])
    .where('tenant_id', 'in', tenantIds)
    .execute();
  return new Map(rows.map(({ tenant_id, seq }) => [tenant_id, seq]));
}
