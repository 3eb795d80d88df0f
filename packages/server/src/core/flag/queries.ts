import type { ApiVersion, FeatureFlagName, SetFeatureFlag } from '@holdfast/protocol';
import { sql } from 'kysely';
import type { Queryable, Tx } from '../ports.ts';

export interface FlagRow extends SetFeatureFlag {
  updated_by: string;
  updated_at: Date;
}

/** What the tenant has set; a flag that it never touched has no row. */
export async function selectFlags(db: Queryable, tenantId: string): Promise<FlagRow[]> {
  const rows = await db.kysely
    .selectFrom('feature_flags')
    .select(['version', 'name', 'enabled', 'updated_by', 'updated_at'])
    .where('tenant_id', '=', tenantId)
    .execute();
  return rows as (FlagRow & { version: ApiVersion; name: FeatureFlagName })[];
}

export async function upsertFlag(
  tx: Tx,
  tenantId: string,
  actor: string,
  { version, name, enabled }: SetFeatureFlag,
): Promise<void> {
  const set = { enabled, updated_by: actor, updated_at: sql<Date>`clock_timestamp()` };
  await tx.kysely
    .insertInto('feature_flags')
    .values({ tenant_id: tenantId, version, name, enabled, updated_by: actor })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'version', 'name']).doUpdateSet(set))
    .execute();
}
