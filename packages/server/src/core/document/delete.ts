import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import { removeDocument } from './queries.ts';

/**
 * Removes a document and its passages.
 * @throws FORBIDDEN; NOT_FOUND, also for another tenant's
 */
export async function deleteDocument(ctx: Ctx, id: string): Promise<void> {
  requireScope(ctx, 'write');
  await ctx.db.transaction(async (tx) => {
    const before = await removeDocument(tx, ctx.principal.tenantId, id);
    const targets = [{ type: 'document', id, name: before.name }];
    await recordAudit(tx, auditor(ctx), { action: 'document.deleted', targets, before });
  });
}
