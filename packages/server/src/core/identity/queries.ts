import type { Queryable } from '../ports.ts';
import type { MemberRole } from './role.ts';

/** Any number serves, as long as nothing else in the database locks it. */
const BOOTSTRAP_LOCK = 7_300_001;

/** The tenant that the user joined first. */
export async function findHome(db: Queryable, userId: string): Promise<{ id: string; name: string } | null> {
  const row = await db.kysely
    .selectFrom('memberships')
    .innerJoin('tenants', 'tenants.id', 'memberships.tenant_id')
    .select(['tenants.id', 'tenants.name'])
    .where('memberships.user_id', '=', userId)
    .orderBy('memberships.created_at')
    .orderBy('memberships.tenant_id')
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

/** Held until the transaction ends. */
export async function lockBootstrap(db: Queryable): Promise<void> {
  await db.query({ name: 'identity_bootstrap_lock', text: 'select pg_advisory_xact_lock($1)' }, [
    BOOTSTRAP_LOCK,
  ]);
}

export async function hasTenant(db: Queryable): Promise<boolean> {
  return (await db.kysely.selectFrom('tenants').select('id').limit(1).executeTakeFirst()) !== undefined;
}

export async function insertTenant(
  db: Queryable,
  {
    tenantId,
    projectId,
    name,
    isHome = false,
  }: { tenantId: string; projectId: string; name: string; isHome?: boolean },
): Promise<void> {
  await db.kysely.insertInto('tenants').values({ id: tenantId, name, is_home: isHome }).execute();
  await db.kysely.insertInto('projects').values({ tenant_id: tenantId, id: projectId, name }).execute();
}

export async function insertMember(
  db: Queryable,
  member: { tenantId: string; userId: string; role: MemberRole },
): Promise<void> {
  await db.kysely
    .insertInto('memberships')
    .values({ tenant_id: member.tenantId, user_id: member.userId, role: member.role })
    .execute();
}
