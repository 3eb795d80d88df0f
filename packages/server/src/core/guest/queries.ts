import type { Selectable } from 'kysely';
import type { Tier } from '../context.ts';
import type { Queryable, Statement } from '../ports.ts';
import type { Tables } from '../tables.ts';

export type GuestRow = Selectable<Tables['guest_sessions']>;

const GUEST: Statement = {
  name: 'guest_session',
  text: `select g.tenant_id, g.id, g.project_id, g.secret_hash, g.created_at, g.last_seen_at, g.expires_at,
      g.ends_at, t.tier
    from guest_sessions g
    join projects p on p.tenant_id = g.tenant_id and p.id = g.project_id and p.guest_access
    join tenants t on t.id = g.tenant_id
    where g.id = $1`,
};

/** Null also when the project no longer takes guests. */
export async function findGuest(db: Queryable, id: string): Promise<(GuestRow & { tier: Tier }) | null> {
  return (await db.query<GuestRow & { tier: Tier }>(GUEST, [id]))[0] ?? null;
}

/** Of these guests those who would be let in now. */
export async function findLiveGuests(db: Queryable, ids: readonly string[], now: Date): Promise<Set<string>> {
  const rows = await db.kysely
    .selectFrom('guest_sessions')
    .innerJoin('projects', (join) =>
      join
        .onRef('projects.tenant_id', '=', 'guest_sessions.tenant_id')
        .onRef('projects.id', '=', 'guest_sessions.project_id'),
    )
    .select('guest_sessions.id')
    .where('guest_sessions.id', 'in', ids)
    .where('expires_at', '>', now)
    .where('guest_access', '=', true)
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/** The project of that id if it takes guests, whoever's it is: nobody is known yet. */
export async function findGuestProject(
  db: Queryable,
  projectId: string,
): Promise<{ tenantId: string } | null> {
  const row = await db.kysely
    .selectFrom('projects')
    .select('tenant_id')
    .where('id', '=', projectId)
    .where('guest_access', '=', true)
    .executeTakeFirst();
  return row === undefined ? null : { tenantId: row.tenant_id };
}

export async function insertGuest(db: Queryable, row: GuestRow): Promise<void> {
  await db.kysely.insertInto('guest_sessions').values(row).execute();
}

export async function updateGuestSeen(
  db: Queryable,
  { tenant_id, id }: Pick<GuestRow, 'tenant_id' | 'id'>,
  { seen, expires }: { seen: Date; expires: Date },
): Promise<void> {
  await db.kysely
    .updateTable('guest_sessions')
    .set({ last_seen_at: seen, expires_at: expires })
    .where('tenant_id', '=', tenant_id)
    .where('id', '=', id)
    .where('last_seen_at', '<', seen)
    .execute();
}

export async function deleteGuest(db: Queryable, tenantId: string, id: string): Promise<void> {
  await db.kysely
    .deleteFrom('guest_sessions')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** @returns how many */
export async function deleteEndedGuests(db: Queryable, now: Date): Promise<number> {
  const result = await db.kysely
    .deleteFrom('guest_sessions')
    .where('expires_at', '<=', now)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
