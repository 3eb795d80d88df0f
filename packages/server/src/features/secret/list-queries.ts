import type { Secret, SecretAccess } from '@holdfast/protocol';
import type { Selectable } from 'kysely';
import { countRows } from '../../core/count-rows.ts';
import type { Queryable } from '../../core/ports.ts';
import type { Tables } from '../../core/tables.ts';
import { iso } from '../../core/wire.ts';
import { secretsOf, toSecret } from './queries.ts';

type AccessRow = Selectable<Tables['secret_accesses']>;

const MOST_LISTED = 100;

function toAccess(row: AccessRow): SecretAccess {
  const { id, version, outcome, actor, purpose, run_id } = row;
  return { id, version, outcome, actor, purpose, run_id, accessed_at: iso(row.accessed_at) };
}

function accessesOf(db: Queryable, tenantId: string, secretId: string) {
  return db.kysely
    .selectFrom('secret_accesses')
    .where('tenant_id', '=', tenantId)
    .where('secret_id', '=', secretId);
}

export function countAccesses(
  db: Queryable,
  tenantId: string,
  secretId: string,
  include: boolean | undefined,
) {
  return countRows(db, accessesOf(db, tenantId, secretId), include);
}

/** Newest first. They stay when the secret is gone. */
export async function selectAccesses(
  db: Queryable,
  tenantId: string,
  secretId: string,
  page: { limit: number; after?: string },
): Promise<SecretAccess[]> {
  let query = accessesOf(db, tenantId, secretId).selectAll();
  if (page.after !== undefined) query = query.where('id', '<', page.after);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(toAccess);
}

/** Neither used nor changed since then, the longest unused first. */
export async function selectUnused(db: Queryable, tenantId: string, since: Date): Promise<Secret[]> {
  const rows = await secretsOf(db, tenantId)
    .where('secrets.updated_at', '<', since)
    .where((eb) =>
      eb.or([eb('secrets.last_accessed_at', 'is', null), eb('secrets.last_accessed_at', '<', since)]),
    )
    .orderBy('secrets.updated_at')
    .limit(MOST_LISTED)
    .execute();
  return rows.map(toSecret);
}

/** The earliest first. */
export async function selectExpiring(db: Queryable, tenantId: string, until: Date): Promise<Secret[]> {
  const rows = await secretsOf(db, tenantId)
    .where('secrets.expires_at', '<=', until)
    .orderBy('secrets.expires_at')
    .limit(MOST_LISTED)
    .execute();
  return rows.map(toSecret);
}

export async function selectNames(
  db: Queryable,
  tenantId: string,
  kind: Tables['secrets']['kind'],
): Promise<string[]> {
  const rows = await db.kysely
    .selectFrom('secrets')
    .select('name')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', kind)
    .execute();
  return rows.map(({ name }) => name);
}
