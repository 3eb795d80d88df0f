import { sql } from 'kysely';
import type { Tier } from '../context.ts';
import type { Queryable, Statement, Tx } from '../ports.ts';

/** Whom a service means, and where. */
export interface ExternalUser {
  tenantId: string;
  service: string;
  externalId: string;
}

const USER: Statement = {
  name: 'signed_service_user',
  text: `select e.user_id, t.tier from external_users e join tenants t on t.id = e.tenant_id
    where e.tenant_id = $1 and e.service = $2 and e.external_id = $3`,
};

const REMEMBER: Statement = {
  name: 'signed_service_remember',
  text: `insert into seen_signatures (tenant_id, signature, expires_at) values ($1, $2, $3)
    on conflict do nothing returning signature`,
};

export async function findExternalUser(
  db: Queryable,
  { tenantId, service, externalId }: ExternalUser,
): Promise<{ userId: string; tier: Tier } | null> {
  const rows = await db.query<{ user_id: string; tier: Tier }>(USER, [tenantId, service, externalId]);
  return rows[0] === undefined ? null : { userId: rows[0].user_id, tier: rows[0].tier };
}

/** Waits for a twin that is making the same one. @returns false when there is one already */
export async function insertExternalUser(tx: Tx, user: ExternalUser, userId: string): Promise<boolean> {
  const made = await tx.kysely
    .insertInto('external_users')
    .values({
      tenant_id: user.tenantId,
      service: user.service,
      external_id: user.externalId,
      user_id: userId,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('user_id')
    .executeTakeFirst();
  if (made === undefined) return false;
  // An address that no mail reaches and no login has: the account exists for its id only.
  const email = `${userId}@service.invalid`;
  await tx.kysely.insertInto('users').values({ id: userId, name: user.externalId, email }).execute();
  return true;
}

/** @param id null for the oldest tenant, without `except` */
export async function findTenant(db: Queryable, id: string | null, except: string): Promise<string | null> {
  const tenants = db.kysely.selectFrom('tenants').select('id');
  const one =
    id === null
      ? tenants.where('id', '!=', except).orderBy('created_at').orderBy('id')
      : tenants.where('id', '=', id);
  return (await one.limit(1).executeTakeFirst())?.id ?? null;
}

/** @returns false when it was there already, also when another server was faster */
export async function insertSignature(
  db: Queryable,
  tenantId: string,
  signature: string,
  expiresAt: Date,
): Promise<boolean> {
  return (await db.query(REMEMBER, [tenantId, signature, expiresAt])).length > 0;
}

/** @returns how many */
export async function deleteOldSignatures(db: Queryable, now: Date): Promise<number> {
  const result = await sql`delete from seen_signatures where expires_at < ${now}`.execute(db.kysely);
  return Number(result.numAffectedRows ?? 0n);
}
