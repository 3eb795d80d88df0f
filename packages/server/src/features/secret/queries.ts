import type { Secret, SecretVersion } from '@holdfast/protocol';
import { sql, type Insertable, type Selectable } from 'kysely';
import { countRows } from '../../core/count-rows.ts';
import { notFound } from '../../core/errors.ts';
import type { Queryable, Tx } from '../../core/ports.ts';
import type { Tables } from '../../core/tables.ts';
import { isId, iso } from '../../core/wire.ts';

type SecretRow = Selectable<Tables['secrets']> & { last4: string | null };

const MOST_VERSIONS = 100;

export function toSecret(row: SecretRow): Secret {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    description: row.description,
    latest_version: row.latest_version,
    last4: row.last4,
    created_by: row.created_by,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
    last_accessed_at: iso(row.last_accessed_at),
    expires_at: iso(row.expires_at),
  };
}

/** Secrets with the hint of their latest version; never any cipher text. */
export function secretsOf(db: Queryable, tenantId: string) {
  return db.kysely
    .selectFrom('secrets')
    .leftJoin('secret_versions as latest', (join) =>
      join
        .onRef('latest.tenant_id', '=', 'secrets.tenant_id')
        .onRef('latest.secret_id', '=', 'secrets.id')
        .onRef('latest.version', '=', 'secrets.latest_version'),
    )
    .selectAll('secrets')
    .select('latest.last4')
    .where('secrets.tenant_id', '=', tenantId);
}

export async function insertSecret(db: Queryable, row: Insertable<Tables['secrets']>): Promise<void> {
  await db.kysely.insertInto('secrets').values(row).execute();
}

export async function insertVersion(
  db: Queryable,
  row: Insertable<Tables['secret_versions']>,
): Promise<void> {
  await db.kysely.insertInto('secret_versions').values(row).execute();
}

/** @throws notFound, also for another tenant's */
export async function fetchSecret(db: Queryable, tenantId: string, id: string): Promise<Secret> {
  if (!isId(id)) throw notFound('Secret');
  const row = await secretsOf(db, tenantId).where('secrets.id', '=', id).executeTakeFirst();
  if (row === undefined) throw notFound('Secret');
  return toSecret(row);
}

/** Until the transaction ends nobody else changes it. @throws notFound, also for another tenant's */
export async function lockSecret(tx: Tx, tenantId: string, id: string): Promise<Secret> {
  if (!isId(id)) throw notFound('Secret');
  const locked = await tx.kysely
    .selectFrom('secrets')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (locked === undefined) throw notFound('Secret');
  return fetchSecret(tx, tenantId, id);
}

export function countSecrets(db: Queryable, tenantId: string, include: boolean | undefined) {
  return countRows(db, db.kysely.selectFrom('secrets').where('tenant_id', '=', tenantId), include);
}

export async function selectSecrets(
  db: Queryable,
  tenantId: string,
  page: { limit: number; after?: string },
): Promise<Secret[]> {
  let query = secretsOf(db, tenantId);
  if (page.after !== undefined) query = query.where('secrets.id', '<', page.after);
  const rows = await query.orderBy('secrets.id', 'desc').limit(page.limit).execute();
  return rows.map(toSecret);
}

export async function selectVersions(
  db: Queryable,
  tenantId: string,
  secretId: string,
): Promise<SecretVersion[]> {
  const rows = await db.kysely
    .selectFrom('secret_versions')
    .select(['version', 'key_id', 'last4', 'created_by', 'created_at', 'disabled_at'])
    .where('tenant_id', '=', tenantId)
    .where('secret_id', '=', secretId)
    .orderBy('version', 'desc')
    .limit(MOST_VERSIONS)
    .execute();
  return rows.map((row) => ({
    ...row,
    created_at: iso(row.created_at),
    disabled_at: iso(row.disabled_at),
  }));
}

export async function updateLatest(
  db: Queryable,
  tenantId: string,
  id: string,
  { version, expiresAt }: { version: number; expiresAt?: Date | null },
): Promise<void> {
  await db.kysely
    .updateTable('secrets')
    .set({
      latest_version: version,
      updated_at: sql`clock_timestamp()`,
      ...(expiresAt === undefined ? {} : { expires_at: expiresAt, announced_days: null }),
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** Keeps the time of the first disabling. @returns whether there is such a version, and whether it changed */
export async function markDisabled(
  tx: Tx,
  tenantId: string,
  secretId: string,
  version: number,
): Promise<'absent' | 'disabled' | 'was disabled'> {
  const mine = { tenant_id: tenantId, secret_id: secretId, version };
  const row = await tx.kysely
    .selectFrom('secret_versions')
    .select('disabled_at')
    .where((eb) => eb.and(mine))
    .executeTakeFirst();
  if (row === undefined) return 'absent';
  if (row.disabled_at !== null) return 'was disabled';
  await tx.kysely
    .updateTable('secret_versions')
    .set({ disabled_at: sql`clock_timestamp()` })
    .where((eb) => eb.and(mine))
    .execute();
  return 'disabled';
}

export async function deleteSecretRow(tx: Tx, tenantId: string, id: string): Promise<void> {
  await tx.kysely.deleteFrom('secrets').where('tenant_id', '=', tenantId).where('id', '=', id).execute();
}
