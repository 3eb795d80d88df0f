import type { SecretRewrap } from '@holdfast/protocol';
import { sql, type Selectable } from 'kysely';
import type { Queryable, Tx } from '../../core/ports.ts';
import type { Tables } from '../../core/tables.ts';
import { iso } from '../../core/wire.ts';

type RewrapRow = Selectable<Tables['secret_rewraps']>;

/** Where a version stands in the order in which a pass goes through them. */
export interface VersionKey {
  tenant_id: string;
  secret_id: string;
  version: number;
}

export interface WrappedRow extends VersionKey {
  key_id: string;
  wrapped_dek: Buffer;
}

export function toRewrap(row: RewrapRow): SecretRewrap {
  const { id, key_id, status, rewrapped, failed, requested_by } = row;
  const times = { started_at: iso(row.started_at), ended_at: iso(row.ended_at) };
  return { id, key_id, status, rewrapped, failed, requested_by, ...times };
}

/** The next versions that are not under `keyId`. Those that somebody else is changing are left for another pass. */
export function lockOutdated(
  tx: Tx,
  keyId: string,
  after: VersionKey | null,
  limit: number,
): Promise<WrappedRow[]> {
  let query = tx.kysely
    .selectFrom('secret_versions')
    .select(['tenant_id', 'secret_id', 'version', 'key_id', 'wrapped_dek'])
    .where('key_id', '<>', keyId);
  if (after !== null) {
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(
        refTuple('tenant_id', 'secret_id', 'version'),
        '>',
        tuple(after.tenant_id, after.secret_id, after.version),
      ),
    );
  }
  return query
    .orderBy('tenant_id')
    .orderBy('secret_id')
    .orderBy('version')
    .limit(limit)
    .forUpdate()
    .skipLocked()
    .execute();
}

export async function updateWrapped(tx: Tx, rows: readonly WrappedRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    {
      name: 'secret_rewrap',
      text: `
        update secret_versions v set key_id = n.key_id, wrapped_dek = n.wrapped_dek
        from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::bytea[])
          as n (tenant_id, secret_id, version, key_id, wrapped_dek)
        where v.tenant_id = n.tenant_id and v.secret_id = n.secret_id and v.version = n.version`,
    },
    [
      rows.map((row) => row.tenant_id),
      rows.map((row) => row.secret_id),
      rows.map((row) => row.version),
      rows.map((row) => row.key_id),
      rows.map((row) => row.wrapped_dek),
    ],
  );
}

/** The text that was once sealed under this key; `sealed` becomes it if there is none. */
export async function fetchCanary(tx: Tx, keyId: string, sealed: Buffer): Promise<Buffer> {
  await tx.kysely
    .insertInto('secret_canaries')
    .values({ key_id: keyId, sealed })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const stored = await tx.kysely
    .selectFrom('secret_canaries')
    .select('sealed')
    .where('key_id', '=', keyId)
    .executeTakeFirstOrThrow();
  return stored.sealed;
}

/** How many versions each key protects, of all tenants. */
export async function countByKey(db: Queryable): Promise<Map<string, number>> {
  const rows = await db.kysely
    .selectFrom('secret_versions')
    .select(({ fn }) => ['key_id', fn.countAll<string>().as('versions')])
    .groupBy('key_id')
    .orderBy('key_id')
    .execute();
  return new Map(rows.map(({ key_id, versions }) => [key_id, Number(versions)]));
}

/** @returns null when one is under way already */
export async function insertRewrap(
  tx: Tx,
  row: { id: string; tenant_id: string; key_id: string; requested_by: string },
): Promise<SecretRewrap | null> {
  const inserted = await tx.kysely
    .insertInto('secret_rewraps')
    .values({ ...row, status: 'running' })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  return inserted === undefined ? null : toRewrap(inserted);
}

export async function findRunningRewrap(db: Queryable): Promise<RewrapRow | null> {
  const row = await db.kysely
    .selectFrom('secret_rewraps')
    .selectAll()
    .where('status', '=', 'running')
    .executeTakeFirst();
  return row ?? null;
}

export async function findLatestRewrap(db: Queryable): Promise<SecretRewrap | null> {
  const row = await db.kysely
    .selectFrom('secret_rewraps')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : toRewrap(row);
}

export async function addProgress(tx: Tx, id: string, rewrapped: number): Promise<void> {
  await tx.kysely
    .updateTable('secret_rewraps')
    .set({ rewrapped: sql`rewrapped + ${rewrapped}` })
    .where('id', '=', id)
    .execute();
}

/** @returns the pass as it ended, or null when another server has ended it */
export async function endRewrap(
  tx: Tx,
  id: string,
  end: { status: 'completed' | 'failed'; failed: number },
): Promise<SecretRewrap | null> {
  const row = await tx.kysely
    .updateTable('secret_rewraps')
    .set({ ...end, ended_at: sql`clock_timestamp()` })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? null : toRewrap(row);
}
