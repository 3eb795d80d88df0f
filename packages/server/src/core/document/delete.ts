import { requireScope, type Ctx } from '../context.ts';
import { removeDocument } from './queries.ts';

/**
 * Removes a document and its passages.
 * @throws FORBIDDEN; NOT_FOUND, also for another tenant's
 */
export async function deleteDocument(ctx: Ctx, id: string): Promise<void> {
  requireScope(ctx, 'write');
  await removeDocument(ctx.db, ctx.principal.tenantId, id);
}
