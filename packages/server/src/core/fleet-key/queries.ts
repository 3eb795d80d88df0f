import type { Queryable } from '../ports.ts';

/** The one tenant of every fleet key. */
export const FLEET_TENANT = '00000000-0000-4000-8000-0000000f1ee7';

/** Once and for all; several servers may do it at the same time. */
export async function insertFleetTenant(db: Queryable): Promise<void> {
  await db.kysely
    .insertInto('tenants')
    .values({ id: FLEET_TENANT, name: 'Fleet' })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
