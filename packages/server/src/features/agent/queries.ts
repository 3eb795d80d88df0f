import type { Agent } from '@holdfast/protocol';
import { sql, type Selectable, type Updateable } from 'kysely';
import { countRows } from '../../core/count-rows.ts';
import { notFound } from '../../core/errors.ts';
import type { Queryable, Tx } from '../../core/ports.ts';
import type { Tables } from '../../core/tables.ts';
import { fromJson, isId, iso } from '../../core/wire.ts';

export function toAgent(row: Selectable<Tables['agents']>): Agent {
  return {
    id: row.id,
    project_id: row.project_id,
    name: row.name,
    instructions: row.instructions,
    model: row.model,
    tools: fromJson(row.tools),
    budgets: fromJson(row.budgets),
    version: row.version,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
}

/** @throws notFound, also for another tenant's */
export function fetchAgent(db: Queryable, tenantId: string, id: string): Promise<Agent> {
  return findAgent(db, tenantId, id, false);
}

/** Until the transaction ends nobody else changes it. @throws notFound, also for another tenant's */
export function lockAgent(tx: Tx, tenantId: string, id: string): Promise<Agent> {
  return findAgent(tx, tenantId, id, true);
}

async function findAgent(db: Queryable, tenantId: string, id: string, lock: boolean): Promise<Agent> {
  if (!isId(id)) throw notFound('Agent');
  const query = db.kysely
    .selectFrom('agents')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id);
  const row = await (lock ? query.forNoKeyUpdate() : query).executeTakeFirst();
  if (row === undefined) throw notFound('Agent');
  return toAgent(row);
}

function agentsOf(db: Queryable, tenantId: string, projectId: string | undefined) {
  const query = db.kysely.selectFrom('agents').where('tenant_id', '=', tenantId);
  return projectId === undefined ? query : query.where('project_id', '=', projectId);
}

export function countAgents(
  db: Queryable,
  tenantId: string,
  { projectId, include }: { projectId?: string; include?: boolean },
) {
  return countRows(db, agentsOf(db, tenantId, projectId), include);
}

export async function selectAgents(
  db: Queryable,
  tenantId: string,
  page: { limit: number; after?: string; projectId?: string },
): Promise<Agent[]> {
  let query = agentsOf(db, tenantId, page.projectId).selectAll();
  if (page.after !== undefined) query = query.where('id', '<', page.after);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(toAgent);
}

export async function updateAgentRow(
  db: Queryable,
  tenantId: string,
  id: string,
  change: Updateable<Tables['agents']>,
): Promise<Agent> {
  if (!isId(id)) throw notFound('Agent');
  const row = await db.kysely
    .updateTable('agents')
    .set({ ...change, version: sql`version + 1`, updated_at: sql`clock_timestamp()` })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw notFound('Agent');
  return toAgent(row);
}
