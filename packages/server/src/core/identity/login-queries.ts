import type { UserSession } from '@holdfast/protocol';
import type { Tier } from '../context.ts';
import { countRows } from '../count-rows.ts';
import type { Queryable, Statement } from '../ports.ts';
import { iso } from '../wire.ts';
import type { MemberRole } from './role.ts';

/** What authentication needs of a login. */
export interface LoginGrant {
  role: MemberRole;
  tier: Tier;
  expires_at: Date;
  revoked_at: Date | null;
  last_seen_at: Date;
}

const LOGIN: Statement = {
  name: 'identity_login',
  text: `select m.role, t.tier, s.expires_at, s.revoked_at, s.last_seen_at
    from user_sessions s
    join memberships m on m.tenant_id = $2 and m.user_id = s.user_id
    join tenants t on t.id = m.tenant_id
    where s.id = $1 and s.user_id = $3`,
};

/** Null when there is no such login, it is another user's, or the user is not in that tenant. */
export async function findLogin(
  db: Queryable,
  { loginId, tenantId, userId }: { loginId: string; tenantId: string; userId: string },
): Promise<LoginGrant | null> {
  return (await db.query<LoginGrant>(LOGIN, [loginId, tenantId, userId]))[0] ?? null;
}

export interface LoginRow {
  id: string;
  userId: string;
  tenantId: string;
  ip: string | null;
  userAgent: string | null;
  now: Date;
  expiresAt: Date;
}

export async function insertLogin(db: Queryable, row: LoginRow): Promise<void> {
  await db.kysely
    .insertInto('user_sessions')
    .values({
      id: row.id,
      user_id: row.userId,
      tenant_id: row.tenantId,
      ip_address: row.ip,
      user_agent: row.userAgent,
      created_at: row.now,
      last_seen_at: row.now,
      expires_at: row.expiresAt,
    })
    .execute();
}

/** The user's live logins, newest first. */
export async function selectLogins(
  db: Queryable,
  userId: string,
  page: { limit: number; after?: string; now: Date; currentId: string },
): Promise<UserSession[]> {
  let query = liveLogins(db, userId, page.now).selectAll();
  if (page.after !== undefined) query = query.where('id', '<', page.after);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map((row) => ({
    id: row.id,
    tenant_id: row.tenant_id,
    ip: row.ip_address,
    user_agent: row.user_agent,
    created_at: iso(row.created_at),
    last_seen_at: iso(row.last_seen_at),
    expires_at: iso(row.expires_at),
    current: row.id === page.currentId,
  }));
}

export function countLogins(db: Queryable, userId: string, now: Date, include: boolean | undefined) {
  return countRows(db, liveLogins(db, userId, now), include);
}

function liveLogins(db: Queryable, userId: string, now: Date) {
  return db.kysely
    .selectFrom('user_sessions')
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now);
}

/** Ends live logins of one user: one, all but one, or all. @returns the ids of those it ended */
export async function updateLoginsRevoked(
  db: Queryable,
  userId: string,
  { only, except, now }: { only?: string; except?: string; now: Date },
): Promise<string[]> {
  let query = db.kysely
    .updateTable('user_sessions')
    .set({ revoked_at: now })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now);
  if (only !== undefined) query = query.where('id', '=', only);
  if (except !== undefined) query = query.where('id', '!=', except);
  return (await query.returning('id').execute()).map((row) => row.id);
}

export async function updateLoginTenant(db: Queryable, loginId: string, tenantId: string): Promise<void> {
  await db.kysely
    .updateTable('user_sessions')
    .set({ tenant_id: tenantId })
    .where('id', '=', loginId)
    .execute();
}

/** Logins that ended, with their refresh tokens. @returns how many */
export async function deleteEndedLogins(db: Queryable, now: Date): Promise<number> {
  const { numDeletedRows } = await db.kysely
    .deleteFrom('user_sessions')
    .where(({ or, eb }) => or([eb('expires_at', '<=', now), eb('revoked_at', '<=', now)]))
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
