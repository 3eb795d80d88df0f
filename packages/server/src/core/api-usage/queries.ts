import { sql } from 'kysely';
import type { Queryable, Statement } from '../ports.ts';

export interface UsageRow {
  tenantId: string;
  /** `YYYY-MM-DD`, UTC. */
  day: string;
  version: string;
  route: string;
  principal: string;
  count: number;
}

/** Sorted, so that two servers that add to the same rows do not wait for each other in a circle. */
const ADD: Statement = {
  name: 'api_usage_add',
  text: `insert into api_usage (tenant_id, day, version, route, principal, count)
    select x.* from unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::text[], $6::bigint[])
      as x(tenant_id, day, version, route, principal, count)
    where exists (select 1 from tenants t where t.id = x.tenant_id)
    order by 1, 2, 3, 4, 5
    on conflict (tenant_id, day, version, route, principal) do update set count = api_usage.count + excluded.count`,
};

export async function addUsage(db: Queryable, rows: readonly UsageRow[]): Promise<void> {
  await db.query(ADD, [
    rows.map((row) => row.tenantId),
    rows.map((row) => row.day),
    rows.map((row) => row.version),
    rows.map((row) => row.route),
    rows.map((row) => row.principal),
    rows.map((row) => row.count),
  ]);
}

export interface UsageFilter {
  tenantId: string;
  from: string;
  to: string;
  version?: string;
}

export type UsageColumn = 'day' | 'route' | 'principal';

/** Requests by version and one more column, most first. */
export async function sumUsage(
  db: Queryable,
  { tenantId, from, to, version }: UsageFilter,
  column: UsageColumn,
): Promise<{ version: string; value: string; requests: number }[]> {
  const value = column === 'day' ? sql<string>`to_char(day, 'YYYY-MM-DD')` : sql<string>`${sql.ref(column)}`;
  let query = db.kysely
    .selectFrom('api_usage')
    .select(['version', value.as('value'), sql<number>`sum(count)::bigint`.as('requests')])
    .where('tenant_id', '=', tenantId)
    .where('day', '>=', from)
    .where('day', '<=', to);
  if (version !== undefined) query = query.where('version', '=', version);
  return query.groupBy(['version', 'value']).orderBy('requests', 'desc').orderBy('value').execute();
}

/** @returns how many rows were older than `days` */
export async function deleteOldUsage(db: Queryable, days: number): Promise<number> {
  const result = await db.kysely
    .deleteFrom('api_usage')
    .where('day', '<', sql<string>`(clock_timestamp() at time zone 'utc')::date - ${days}::int`)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
