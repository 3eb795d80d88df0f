import { API_VERSIONS, FEATURE_FLAG_NAMES, FEATURE_FLAGS, type FeatureFlag } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import type { Queryable } from '../ports.ts';
import { iso } from '../wire.ts';
import { selectFlags } from './queries.ts';

/** Every flag of every version, as the tenant has it. @throws FORBIDDEN without `admin` */
export async function listFlags(ctx: Ctx): Promise<FeatureFlag[]> {
  requireScope(ctx, 'admin');
  return readFlags(ctx.db, ctx.principal.tenantId);
}

export async function readFlags(db: Queryable, tenantId: string): Promise<FeatureFlag[]> {
  const rows = await selectFlags(db, tenantId);
  return API_VERSIONS.flatMap((version) =>
    FEATURE_FLAG_NAMES.map((name) => {
      const { description, default: fallback } = FEATURE_FLAGS[name];
      const row = rows.find((candidate) => candidate.version === version && candidate.name === name);
      return {
        version,
        name,
        description,
        enabled: row?.enabled ?? fallback,
        default: fallback,
        updated_by: row?.updated_by ?? null,
        updated_at: iso(row?.updated_at ?? null),
      };
    }),
  );
}
