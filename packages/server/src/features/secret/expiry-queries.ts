import type { Queryable, Tx } from '../../core/ports.ts';

/** A secret whose expiry is to be announced. */
export interface Due {
  tenant_id: string;
  id: string;
  name: string;
  expires_at: Date;
}

/** Expiring by `until`, and not announced yet for so few days. */
export function selectDue(
  db: Queryable,
  { days, until, limit }: { days: number; until: Date; limit: number },
): Promise<Due[]> {
  return db.kysely
    .selectFrom('secrets')
    .select(['tenant_id', 'id', 'name'])
    .select((eb) => eb.ref('expires_at').$notNull().as('expires_at'))
    .where('expires_at', '<=', until)
    .where((eb) => eb.or([eb('announced_days', 'is', null), eb('announced_days', '>', days)]))
    .orderBy('expires_at')
    .limit(limit)
    .execute();
}

/** Nothing is announced of a secret that was given another expiry meanwhile. */
export async function markAnnounced(
  tx: Tx,
  { tenant_id, id, expires_at }: Due,
  days: number,
): Promise<boolean> {
  const moved = await tx.kysely
    .updateTable('secrets')
    .set({ announced_days: days })
    .where('tenant_id', '=', tenant_id)
    .where('id', '=', id)
    .where('expires_at', '=', expires_at)
    .where((eb) => eb.or([eb('announced_days', 'is', null), eb('announced_days', '>', days)]))
    .returning('id')
    .executeTakeFirst();
  return moved !== undefined;
}

/** E-mail addresses of the tenant's owners and admins. */
export async function selectAdmins(db: Queryable, tenantId: string): Promise<string[]> {
  const rows = await db.kysely
    .selectFrom('memberships')
    .innerJoin('users', 'users.id', 'memberships.user_id')
    .select('users.email')
    .where('memberships.tenant_id', '=', tenantId)
    .where('memberships.role', 'in', ['owner', 'admin'])
    .orderBy('users.email')
    .execute();
  return rows.map(({ email }) => email);
}
