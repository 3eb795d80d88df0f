import { sql, type Selectable } from 'kysely';
import { notFound } from '../errors.ts';
import type { Queryable } from '../ports.ts';
import type { LimitTables } from '../table/index.ts';
import { isId } from '../wire.ts';

export type OverrideRow = Selectable<LimitTables['limit_overrides']>;

/** In force or ended within a month, newest first. @param tenantId null for all */
export function selectOverrides(
  db: Queryable,
  tenantId: string | null,
  limit: number,
): Promise<OverrideRow[]> {
  const all = db.kysely.selectFrom('limit_overrides').selectAll();
  const some = tenantId === null ? all : all.where('tenant_id', '=', tenantId);
  return some.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
}

export async function countOverrides(db: Queryable, tenantId: string): Promise<number> {
  const { count } = await db.kysely
    .selectFrom('limit_overrides')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Locked until the transaction ends, so that `before` of two changes at once is what each replaced. */
export async function lockOverride(
  db: Queryable,
  { tenant_id, policy, subject }: Pick<OverrideRow, 'tenant_id' | 'policy' | 'subject'>,
): Promise<OverrideRow | null> {
  const row = await db.kysely
    .selectFrom('limit_overrides')
    .selectAll()
    .where('tenant_id', '=', tenant_id)
    .where('policy', '=', policy)
    .where('subject', '=', subject)
    .forUpdate()
    .executeTakeFirst();
  return row ?? null;
}

/** Makes it or replaces the one of the same policy and subject, whose id it keeps. */
export function upsertOverride(db: Queryable, row: Omit<OverrideRow, 'created_at'>): Promise<OverrideRow> {
  const { allowance, reason, created_by, expires_at } = row;
  return db.kysely
    .insertInto('limit_overrides')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'policy', 'subject'])
        .doUpdateSet({ allowance, reason, created_by, expires_at, created_at: sql<Date>`clock_timestamp()` }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** @param tenantId null for any @throws notFound, also for another tenant's */
export async function deleteOverrideRow(
  db: Queryable,
  tenantId: string | null,
  id: string,
): Promise<OverrideRow> {
  if (!isId(id)) throw notFound('Override');
  const one = db.kysely.deleteFrom('limit_overrides').where('id', '=', id);
  const own = tenantId === null ? one : one.where('tenant_id', '=', tenantId);
  const row = await own.returningAll().executeTakeFirst();
  if (row === undefined) throw notFound('Override');
  return row;
}
