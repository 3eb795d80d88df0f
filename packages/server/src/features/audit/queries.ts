import type { AuditFilter } from '@holdfast/protocol';
import { sql, type SelectQueryBuilder } from 'kysely';
import { sealText, toEntry, type StoredEntry, type SubjectKey } from '../../core/audit/index.ts';
import { countRows } from '../../core/count-rows.ts';
import type { Queryable } from '../../core/ports.ts';
import type { Tables } from '../../core/tables.ts';
import { isId } from '../../core/wire.ts';

/** People whose data a search by text looks for. */
const MAX_SUBJECTS = 10;

/** Entries that one query looks at when no index helps it: what takes longer would be cut off by the time-out. */
export const WINDOW = 50_000;

type Entries = SelectQueryBuilder<Tables, 'audit_entries', object>;

/** A filter with everything that had to be looked up for it. */
export interface Search {
  tenantId: string;
  filter: Omit<AuditFilter, 'chain'>;
  /** What `ip` looks like under the key of each of the tenant's subjects. */
  sealedIps: readonly string[];
  /** Ids of subjects whose name has `text` in it. */
  subjectIds: readonly string[];
}

export async function prepareSearch(
  db: Queryable,
  tenantId: string,
  filter: Search['filter'],
): Promise<Search> {
  const { ip, text } = filter;
  return {
    tenantId,
    filter,
    sealedIps: ip === undefined ? [] : (await selectKeys(db, tenantId)).map((key) => sealText(key, ip)),
    subjectIds: text === undefined ? [] : await findSubjects(db, tenantId, text),
  };
}

export async function selectEntries(
  db: Queryable,
  search: Search,
  page: { limit: number; before?: number; floor: number },
): Promise<StoredEntry[]> {
  let query = entriesOf(db, search).where('seq', '>', page.floor);
  if (page.before !== undefined) query = query.where('seq', '<', page.before);
  const rows = await query.selectAll().orderBy('seq', 'desc').limit(page.limit).execute();
  return rows.map(toEntry);
}

/** Whether every entry must be looked at. */
export function isScan({ filter }: Search): boolean {
  const { text, ip, target_type, target_id } = filter;
  return [text, ip, target_type, target_id].some((value) => value !== undefined);
}

/** In the order of the chain, from after `after` up to and with `through`. */
export async function selectForward(
  db: Queryable,
  search: Search,
  page: { limit: number; after: number; through: number },
): Promise<StoredEntry[]> {
  const rows = await entriesOf(db, search)
    .selectAll()
    .where('seq', '>', page.after)
    .where('seq', '<=', page.through)
    .orderBy('seq')
    .limit(page.limit)
    .execute();
  return rows.map(toEntry);
}

export function countEntries(db: Queryable, search: Search, include: boolean | undefined) {
  return countRows(db, entriesOf(db, search), include);
}

export async function findEntry(db: Queryable, tenantId: string, id: string): Promise<StoredEntry | null> {
  if (!isId(id)) return null;
  const row = await db.kysely
    .selectFrom('audit_entries')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row === undefined ? null : toEntry(row);
}

/** Nothing the caller gives is a pattern: every filter is a value, or is escaped. */
function entriesOf(db: Queryable, { tenantId, filter, sealedIps, subjectIds }: Search): Entries {
  const { actor, action, outcome, from, to, ip, text } = filter;
  let query: Entries = db.kysely.selectFrom('audit_entries').where('tenant_id', '=', tenantId);
  if (actor !== undefined) query = query.where(sql<boolean>`actor ->> 'id' = ${actor}`);
  if (action?.endsWith('*')) query = query.where('action', 'like', `${escapeLike(action.slice(0, -1))}%`);
  else if (action !== undefined) query = query.where('action', '=', action);
  if (outcome !== undefined) query = query.where('outcome', '=', outcome);
  if (from !== undefined) query = query.where('occurred_at', '>=', new Date(from));
  if (to !== undefined) query = query.where('occurred_at', '<', new Date(to));
  if (ip !== undefined) query = query.where(sql<boolean>`context ->> 'ip' = any(${sealedIps}::text[])`);
  if (text !== undefined) query = query.where(hasText([...subjectIds, text]));
  return whereTarget(query, filter);
}

function whereTarget(query: Entries, { target_type: type, target_id: id }: Search['filter']): Entries {
  if (type === undefined && id === undefined) return query;
  return query.where(sql<boolean>`exists (
    select 1 from json_array_elements(targets) target
    where (${type ?? null}::text is null or target ->> 'type' = ${type ?? null}::text)
    and (${id ?? null}::text is null or target ->> 'id' = ${id ?? null}::text))`);
}

/** Texts are looked for as they stand inside of JSON. */
function hasText(texts: readonly string[]) {
  const patterns = texts.map((text) => `%${escapeLike(JSON.stringify(text).slice(1, -1))}%`);
  return sql<boolean>`concat_ws(' ', action, actor::text, targets::text, context::text, diff::text)
    ilike any(${patterns}::text[])`;
}

function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, (char) => `\\${char}`);
}

/** People known by such an e-mail address: users of the tenant, and whoever was only ever an address. */
async function findSubjects(db: Queryable, tenantId: string, text: string): Promise<string[]> {
  const pattern = `%${escapeLike(text)}%`;
  const rows = await db.kysely
    .selectFrom('audit_subjects')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where((eb) =>
      eb.or([
        eb('subject', 'like', 'email:%').and(sql<string>`substr(subject, 7)`, 'ilike', pattern),
        eb(
          'subject',
          'in',
          eb
            .selectFrom('users')
            .innerJoin('memberships', 'memberships.user_id', 'users.id')
            .select(sql<string>`'user:' || users.id`.as('subject'))
            .where('memberships.tenant_id', '=', tenantId)
            .where('users.email', 'ilike', pattern),
        ),
      ]),
    )
    .limit(MAX_SUBJECTS)
    .execute();
  return rows.map(({ id }) => id);
}

/** Of all subjects of a tenant, or of those with these ids. */
export function selectKeys(db: Queryable, tenantId: string, ids?: readonly string[]): Promise<SubjectKey[]> {
  if (ids?.length === 0) return Promise.resolve([]);
  let query = db.kysely.selectFrom('audit_subjects').select(['id', 'key']).where('tenant_id', '=', tenantId);
  if (ids !== undefined) query = query.where('id', 'in', ids);
  return query.execute();
}
