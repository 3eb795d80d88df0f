import type { Project, UpdateProject } from '@holdfast/protocol';
import { sql, type Selectable } from 'kysely';
import { countRows } from '../count-rows.ts';
import { notFound } from '../errors.ts';
import type { Queryable, Tx } from '../ports.ts';
import type { Tables } from '../tables.ts';
import { fromJson, isId, iso } from '../wire.ts';

function toProject(row: Selectable<Tables['projects']>): Project {
  return {
    id: row.id,
    name: row.name,
    metadata: fromJson(row.metadata),
    version: row.version,
    guest_access: row.guest_access,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
}

export async function insertProject(
  db: Queryable,
  row: { tenant_id: string; id: string; name: string; metadata: string },
): Promise<Project> {
  return toProject(
    await db.kysely.insertInto('projects').values(row).returningAll().executeTakeFirstOrThrow(),
  );
}

/** @throws notFound, also for another tenant's */
export function fetchProject(db: Queryable, tenantId: string, id: string): Promise<Project> {
  return findProject(db, tenantId, id, false);
}

/** Until the transaction ends nobody else changes it. @throws notFound, also for another tenant's */
export function lockProject(tx: Tx, tenantId: string, id: string): Promise<Project> {
  return findProject(tx, tenantId, id, true);
}

async function findProject(db: Queryable, tenantId: string, id: string, lock: boolean): Promise<Project> {
  if (!isId(id)) throw notFound('Project');
  const query = db.kysely
    .selectFrom('projects')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id);
  const row = await (lock ? query.forNoKeyUpdate() : query).executeTakeFirst();
  if (row === undefined) throw notFound('Project');
  return toProject(row);
}

export function countProjects(db: Queryable, tenantId: string, include: boolean | undefined) {
  return countRows(db, db.kysely.selectFrom('projects').where('tenant_id', '=', tenantId), include);
}

export async function selectProjects(
  db: Queryable,
  tenantId: string,
  page: { limit: number; after?: string },
): Promise<Project[]> {
  let query = db.kysely.selectFrom('projects').selectAll().where('tenant_id', '=', tenantId);
  if (page.after !== undefined) query = query.where('id', '<', page.after);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(toProject);
}

export async function updateProjectRow(
  db: Queryable,
  tenantId: string,
  id: string,
  change: UpdateProject,
): Promise<Project> {
  if (!isId(id)) throw notFound('Project');
  const row = await db.kysely
    .updateTable('projects')
    .set({
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.metadata === undefined ? {} : { metadata: JSON.stringify(change.metadata) }),
      ...(change.guest_access === undefined ? {} : { guest_access: change.guest_access }),
      version: sql`version + 1`,
      updated_at: sql`clock_timestamp()`,
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw notFound('Project');
  return toProject(row);
}
