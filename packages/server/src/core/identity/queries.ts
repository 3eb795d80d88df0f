import type { ApiKey } from '@holdfast/protocol';
import type { Selectable } from 'kysely';
import type { Scope } from '../context.ts';
import { notFound } from '../errors.ts';
import type { Queryable, Statement } from '../ports.ts';
import type { Tables } from '../tables.ts';
import { isId, iso } from '../wire.ts';
import type { MemberRole } from './role.ts';

type KeyRow = Selectable<Tables['api_keys']>;
/** What authentication needs of a key. */
type KeyGrant = Pick<KeyRow, 'tenant_id' | 'id' | 'expires_at' | 'revoked_at'> & { scopes: Scope[] };

const SHOWN = [
  'id',
  'name',
  'prefix',
  'scopes',
  'created_by',
  'created_at',
  'expires_at',
  'revoked_at',
] as const;

function toApiKey(row: Pick<KeyRow, (typeof SHOWN)[number]>): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes as Scope[],
    created_by: row.created_by,
    created_at: iso(row.created_at),
    expires_at: iso(row.expires_at),
    revoked_at: iso(row.revoked_at),
  };
}

const KEY_BY_HASH: Statement = {
  name: 'identity_key',
  text: `select tenant_id, id, scopes, expires_at, revoked_at from api_keys where key_hash = $1`,
};

const ROLE: Statement = {
  name: 'identity_role',
  text: `select role from memberships where tenant_id = $1 and user_id = $2`,
};

/** Any number serves, as long as nothing else in the database locks it. */
const BOOTSTRAP_LOCK = 7_300_001;

export async function findKeyByHash(db: Queryable, hash: string): Promise<KeyGrant | null> {
  return (await db.query<KeyGrant>(KEY_BY_HASH, [hash]))[0] ?? null;
}

export async function findRole(db: Queryable, tenantId: string, userId: string): Promise<MemberRole | null> {
  return (await db.query<{ role: MemberRole }>(ROLE, [tenantId, userId]))[0]?.role ?? null;
}

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

export async function insertKey(
  db: Queryable,
  key: Pick<KeyRow, 'tenant_id' | 'id' | 'name' | 'prefix' | 'key_hash' | 'created_by' | 'expires_at'> & {
    scopes: Scope[];
  },
): Promise<ApiKey> {
  return toApiKey(
    await db.kysely.insertInto('api_keys').values(key).returning(SHOWN).executeTakeFirstOrThrow(),
  );
}

/** Newest first. */
export async function selectKeys(
  db: Queryable,
  tenantId: string,
  page: { limit: number; after?: string },
): Promise<ApiKey[]> {
  let query = db.kysely.selectFrom('api_keys').select(SHOWN).where('tenant_id', '=', tenantId);
  if (page.after !== undefined) query = query.where('id', '<', page.after);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(toApiKey);
}

/** Keeps the time of the first revocation. @throws notFound, also for another tenant's */
export async function updateKeyRevoked(db: Queryable, tenantId: string, id: string): Promise<ApiKey> {
  if (!isId(id)) throw notFound('API key');
  const row = await db.kysely
    .updateTable('api_keys')
    .set(({ fn, ref }) => ({
      revoked_at: fn.coalesce(ref('revoked_at'), fn<Date>('clock_timestamp', [])),
    }))
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning(SHOWN)
    .executeTakeFirst();
  if (row === undefined) throw notFound('API key');
  return toApiKey(row);
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
  { tenantId, projectId, name }: { tenantId: string; projectId: string; name: string },
): Promise<void> {
  await db.kysely.insertInto('tenants').values({ id: tenantId, name }).execute();
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
