import { sql, type SelectQueryBuilder } from 'kysely';
import type { Queryable } from './ports.ts';
import type { Tables } from './tables.ts';

/** A list that has more rows than this says so only when it is asked to count them. */
export const COUNTED_UNASKED = 1000;

/**
 * How many rows a list has in all, page or no page.
 * @param rows the list's query, with its filters and without its page
 * @param include true counts all of them, false none, undefined up to a thousand
 * @returns null for more than are counted; undefined for none counted
 */
export async function countRows<TB extends keyof Tables, O>(
  db: Queryable,
  rows: SelectQueryBuilder<Tables, TB, O>,
  include: boolean | undefined,
): Promise<number | null | undefined> {
  if (include === false) return undefined;
  const found = rows
    .clearSelect()
    .clearOrderBy()
    .select(sql<number>`1`.as('found'));
  const counted = include === true ? found : found.limit(COUNTED_UNASKED + 1);
  const { total } = await db.kysely
    .selectFrom(counted.as('counted'))
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return include !== true && total > COUNTED_UNASKED ? null : total;
}

/** The total of a page, without asking the database where the page shows that it is all. */
export function totalOf(
  page: { limit: number; after?: string; include_total?: boolean },
  rows: readonly unknown[],
  count: (include: boolean | undefined) => Promise<number | null | undefined>,
): Promise<number | null | undefined> {
  const isAll = page.after === undefined && rows.length <= page.limit;
  if (isAll && page.include_total !== false) return Promise.resolve(rows.length);
  return count(page.include_total);
}
