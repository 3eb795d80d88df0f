import { setFeatureFlagSchema, type FeatureFlag, type SetFeatureFlag } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import type { FlagCache } from './cache.ts';
import { readFlags } from './list.ts';
import { upsertFlag } from './queries.ts';

/**
 * Switches one flag of one version; other servers follow within five seconds.
 * @throws FORBIDDEN without `admin`; VALIDATION_ERROR for a flag there is not
 */
export async function setFlag(
  ctx: Ctx & { readonly flags: FlagCache },
  input: SetFeatureFlag,
): Promise<FeatureFlag> {
  requireScope(ctx, 'admin');
  const change = setFeatureFlagSchema.parse(input);
  const { tenantId, actor } = ctx.principal;
  return ctx.db.transaction(async (tx) => {
    const find = async () =>
      (await readFlags(tx, tenantId)).find(
        ({ version, name }) => version === change.version && name === change.name,
      )!;
    const before = await find();
    await upsertFlag(tx, tenantId, actor, change);
    const after = await find();
    const targets = [{ type: 'feature_flag', id: `${change.version}/${change.name}` }];
    tx.afterCommit(() => ctx.flags.changed(tenantId));
    await recordAudit(tx, auditor(ctx), { action: 'feature_flag.updated', targets, before, after });
    return after;
  });
}
