import { notFound } from '../errors.ts';
import type { Queryable } from '../ports.ts';
import { isId } from '../wire.ts';

export async function hasKey(db: Queryable, tenantId: string, id: string): Promise<boolean> {
  if (!isId(id)) return false;
  const keys = db.kysely.selectFrom('api_keys').select('id');
  return (await keys.where('tenant_id', '=', tenantId).where('id', '=', id).executeTakeFirst()) !== undefined;
}

export async function hasMember(db: Queryable, tenantId: string, userId: string): Promise<boolean> {
  const members = db.kysely.selectFrom('memberships').select('user_id');
  const row = await members
    .where('tenant_id', '=', tenantId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row !== undefined;
}

/** @throws notFound */
export async function findTier(db: Queryable, tenantId: string) {
  const row = await db.kysely
    .selectFrom('tenants')
    .select('tier')
    .where('id', '=', tenantId)
    .executeTakeFirst();
  if (row === undefined) throw notFound('Tenant');
  return row.tier;
}
