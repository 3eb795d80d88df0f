import { sql } from 'kysely';
import type { Scope } from '../context.ts';
import type { Queryable } from '../ports.ts';

/** Arrays, as there may be more streams than a statement takes parameters. */
function isOneOf(keys: readonly { tenantId: string; id: string }[]) {
  const [tenantIds, ids] = [keys.map(({ tenantId }) => tenantId), keys.map(({ id }) => id)];
  return sql<boolean>`(tenant_id, id) in (select * from unnest(${tenantIds}::uuid[], ${ids}::uuid[]))`;
}

/** Of these logins those that still stand, with the tenants they may act in; as `<login id> <tenant id>`. */
export async function findLiveLogins(
  db: Queryable,
  loginIds: readonly string[],
  now: Date,
): Promise<Set<string>> {
  const rows = await db.kysely
    .selectFrom('user_sessions')
    .innerJoin('memberships', 'memberships.user_id', 'user_sessions.user_id')
    .select(['user_sessions.id', 'memberships.tenant_id'])
    .where(sql<boolean>`user_sessions.id = any(${loginIds}::text[])`)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .execute();
  return new Set(rows.map(({ id, tenant_id }) => `${id} ${tenant_id}`));
}

/** Of these API keys those that still may read, by the secret that was shown; as `<key id> <rotation>`. */
export async function findLiveKeys(
  db: Queryable,
  keys: readonly { tenantId: string; id: string }[],
  now: Date,
): Promise<Set<string>> {
  const rows = await db.kysely
    .selectFrom('api_keys')
    .select(['id', 'scopes', 'expires_at', 'rotations', 'previous_expires_at'])
    .where(isOneOf(keys))
    .where('revoked_at', 'is', null)
    .execute();
  const reads = (scopes: string[]) => (['read', 'admin'] satisfies Scope[]).some((s) => scopes.includes(s));
  const live = rows.filter((row) => reads(row.scopes) && (row.expires_at === null || row.expires_at > now));
  const graced = live.filter((row) => row.previous_expires_at !== null && row.previous_expires_at > now);
  return new Set([
    ...live.map(({ id, rotations }) => `${id} ${rotations}`),
    ...graced.map(({ id, rotations }) => `${id} ${rotations - 1}`),
  ]);
}

/** Leaves alone what another server wrote less than a minute before `now`. */
export async function updateLoginsSeen(
  db: Queryable,
  ids: readonly string[],
  { now, stale }: { now: Date; stale: Date },
): Promise<void> {
  await db.kysely
    .updateTable('user_sessions')
    .set({ last_seen_at: now })
    .where(sql<boolean>`id = any(${ids}::text[])`)
    .where('last_seen_at', '<=', stale)
    .execute();
}

/** The same for API keys. */
export async function updateKeysUsed(
  db: Queryable,
  keys: readonly { tenantId: string; id: string }[],
  { now, stale }: { now: Date; stale: Date },
): Promise<void> {
  await db.kysely
    .updateTable('api_keys')
    .set({ last_used_at: now })
    .where(isOneOf(keys))
    .where(({ or, eb }) => or([eb('last_used_at', 'is', null), eb('last_used_at', '<=', stale)]))
    .execute();
}
