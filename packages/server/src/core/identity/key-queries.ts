import type { ApiKey } from '@holdfast/protocol';
import type { RawBuilder, Selectable } from 'kysely';
import type { Scope, Tier } from '../context.ts';
import { countRows } from '../count-rows.ts';
import { notFound } from '../errors.ts';
import type { Queryable, Statement } from '../ports.ts';
import type { Tables } from '../tables.ts';
import { isId, iso } from '../wire.ts';

type KeyRow = Selectable<Tables['api_keys']>;
/** What authentication needs of a key. */
type KeyGrant = Pick<
  KeyRow,
  'tenant_id' | 'id' | 'expires_at' | 'revoked_at' | 'last_used_at' | 'rotations'
> & {
  scopes: Scope[];
  tier: Tier;
};

const SHOWN = [
  'id',
  'name',
  'prefix',
  'scopes',
  'created_by',
  'created_at',
  'expires_at',
  'revoked_at',
  'last_used_at',
  'previous_expires_at',
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
    last_used_at: iso(row.last_used_at),
    previous_expires_at: iso(row.previous_expires_at),
  };
}

const KEY_BY_HASH: Statement = {
  name: 'identity_key',
  text: `select k.tenant_id, k.id, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, k.rotations, t.tier
    from api_keys k join tenants t on t.id = k.tenant_id where k.key_hash = $1`,
};

const KEY_BY_PREVIOUS_HASH: Statement = {
  name: 'identity_key_previous',
  text: `select k.tenant_id, k.id, k.scopes, least(k.expires_at, k.previous_expires_at) as expires_at,
      k.revoked_at, k.last_used_at, k.rotations - 1 as rotations, t.tier
    from api_keys k join tenants t on t.id = k.tenant_id where k.previous_hash = $1`,
};

/** By its secret or, while that may still be used, by the one before the last rotation. */
export async function findKeyByHash(db: Queryable, hash: string): Promise<KeyGrant | null> {
  const current = await db.query<KeyGrant>(KEY_BY_HASH, [hash]);
  if (current[0] !== undefined) return current[0];
  return (await db.query<KeyGrant>(KEY_BY_PREVIOUS_HASH, [hash]))[0] ?? null;
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

export function countKeys(db: Queryable, tenantId: string, include: boolean | undefined) {
  return countRows(db, db.kysely.selectFrom('api_keys').where('tenant_id', '=', tenantId), include);
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

/** Locked until the transaction ends. @throws notFound, also for another tenant's */
export async function lockKey(db: Queryable, tenantId: string, id: string): Promise<ApiKey> {
  if (!isId(id)) throw notFound('API key');
  const row = await db.kysely
    .selectFrom('api_keys')
    .select(SHOWN)
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw notFound('API key');
  return toApiKey(row);
}

export async function updateKey(
  db: Queryable,
  tenantId: string,
  id: string,
  change: { name?: string; expires_at?: Date | null; revoked_at?: RawBuilder<Date> },
): Promise<ApiKey> {
  return toApiKey(
    await db.kysely
      .updateTable('api_keys')
      .set(change)
      .where('tenant_id', '=', tenantId)
      .where('id', '=', id)
      .returning(SHOWN)
      .executeTakeFirstOrThrow(),
  );
}

/** Puts a new secret in the place of the present one, which is taken until `previousExpiresAt`, or no more. */
export async function updateKeySecret(
  db: Queryable,
  tenantId: string,
  id: string,
  { prefix, hash, previousExpiresAt }: { prefix: string; hash: string; previousExpiresAt: Date | null },
): Promise<ApiKey> {
  return toApiKey(
    await db.kysely
      .updateTable('api_keys')
      .set(({ ref, eb }) => ({
        prefix,
        key_hash: hash,
        previous_hash: previousExpiresAt === null ? null : ref('key_hash'),
        previous_expires_at: previousExpiresAt,
        rotations: eb('rotations', '+', 1),
      }))
      .where('tenant_id', '=', tenantId)
      .where('id', '=', id)
      .returning(SHOWN)
      .executeTakeFirstOrThrow(),
  );
}
