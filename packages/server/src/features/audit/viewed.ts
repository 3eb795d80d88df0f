import type { AuditChain } from '@holdfast/protocol';
import { auditor, holdChain, recordAudit } from '../../core/audit/index.ts';
import type { Ctx } from '../../core/context.ts';
import { hasViewed } from './chain-queries.ts';

const QUIET_MS = 60_000;

/** Records that the caller looks at that log; once a minute, so that paging does not fill what it reads. */
export async function recordView(ctx: Ctx, chain: AuditChain): Promise<void> {
  const who = auditor(ctx);
  const view = { actor: who.actor, log: chain, since: new Date(ctx.clock.now() - QUIET_MS) };
  if (await hasViewed(ctx.db, who.tenantId, view)) return;
  await ctx.db.transaction(async (tx) => {
    // Of two requests at once the second finds the entry of the first.
    await holdChain(tx, who.tenantId);
    if (await hasViewed(tx, who.tenantId, view)) return;
    await recordAudit(tx, who, { action: 'audit.viewed', targets: [{ type: 'audit_log', id: chain }] });
  });
}
