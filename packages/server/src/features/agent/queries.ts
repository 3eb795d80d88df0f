import type { Agent } from '@holdfast/protocol';
import type { Selectable, Updateable } from 'kysely';
import { notFound } from '../../core/errors.ts';
import type { Queryable } from '../../core/ports.ts';
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
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
}

/** @throws notFound, also for another tenant's */
export async function fetchAgent(db: Queryable, tenantId: string, id: string): Promise<Agent> {
  if (!isId(id)) throw notFound('Agent');
  const row = await db.kysely
    .selectFrom('agents')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) throw notFound('Agent');
  return toAgent(row);
}

export async function selectAgents(
  db: Queryable,
  tenantId: string,
  page: { limit: number; after?: string; projectId?: string },
): Promise<Agent[]> {
  let query = db.kysely.selectFrom('agents').selectAll().where('tenant_id', '=', tenantId);
  if (page.projectId !== undefined) query = query.where('project_id', '=', page.projectId);
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
    .set({ ...change, updated_at: new Date() })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw notFound('Agent');
  return toAgent(row);
}
