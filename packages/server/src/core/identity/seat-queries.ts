import type { Account, Queryable } from '../ports.ts';
import type { MemberRole } from './role.ts';

/** A user in one of its teams. */
export interface Seat {
  user: Account;
  tenant: { id: string; name: string };
}

/** Null when the user is not in that tenant; without one, of the tenant joined first. */
export async function selectSeat(db: Queryable, userId: string, tenantId?: string): Promise<Seat | null> {
  let query = db.kysely
    .selectFrom('memberships')
    .innerJoin('tenants', 'tenants.id', 'memberships.tenant_id')
    .innerJoin('users', 'users.id', 'memberships.user_id')
    .select([
      'users.id',
      'users.email',
      'users.name',
      'tenants.id as tenant_id',
      'tenants.name as tenant_name',
    ])
    .where('memberships.user_id', '=', userId);
  if (tenantId !== undefined) query = query.where('memberships.tenant_id', '=', tenantId);
  const row = await query
    .orderBy('memberships.created_at')
    .orderBy('memberships.tenant_id')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  const { id, email, name, tenant_id, tenant_name } = row;
  return { user: { id, email, name }, tenant: { id: tenant_id, name: tenant_name } };
}

/** Whom a failed login was meant for, and where it is recorded: two nulls for an unknown e-mail. */
export async function findFailedLoginTarget(
  db: Queryable,
  email: string,
): Promise<{ userId: string | null; tenantId: string | null }> {
  const row = await db.kysely
    .selectFrom('users')
    .leftJoin('memberships', 'memberships.user_id', 'users.id')
    .select(['users.id', 'memberships.tenant_id'])
    .where('users.email', '=', email.toLowerCase())
    .orderBy('memberships.created_at')
    .orderBy('memberships.tenant_id')
    .limit(1)
    .executeTakeFirst();
  return { userId: row?.id ?? null, tenantId: row?.tenant_id ?? null };
}

/** The user's role in that tenant, if it is the installation's first. */
export async function findHomeRole(
  db: Queryable,
  tenantId: string,
  userId: string,
): Promise<MemberRole | null> {
  const row = await db.kysely
    .selectFrom('memberships')
    .innerJoin('tenants', 'tenants.id', 'memberships.tenant_id')
    .select('role')
    .where('memberships.tenant_id', '=', tenantId)
    .where('memberships.user_id', '=', userId)
    .where('tenants.is_home', '=', true)
    .executeTakeFirst();
  return row?.role ?? null;
}
