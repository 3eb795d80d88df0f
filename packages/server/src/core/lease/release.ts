import { releaseLeaseSchema, type ReleaseLease } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { fenceLease, freeLease } from './queries.ts';

/** Gives the lease back before it runs out. @throws LEASE_LOST, NOT_FOUND */
export async function releaseLease(ctx: Ctx, sessionId: string, input: ReleaseLease): Promise<void> {
  requireScope(ctx, 'hold');
  const { epoch } = releaseLeaseSchema.parse(input);
  const { tenantId, actor } = ctx.principal;
  await ctx.db.transaction(async (tx) => {
    const { holder } = await fenceLease(tx, tenantId, sessionId, epoch);
    await freeLease(tx, tenantId, sessionId);
    const data = { epoch, holder: holder! };
    await ctx.log.appendTx(tx, { tenantId, sessionId }, [{ type: 'lease.released', actor, data }]);
    tx.afterCommit(() => ctx.signals.ready({ tenantId, sessionId }));
  });
}
