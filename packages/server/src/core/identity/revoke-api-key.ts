import type { ApiKey } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { updateKeyRevoked } from './queries.ts';

/**
 * Ends an API key at once and for good. Revoking it again changes nothing.
 * @throws FORBIDDEN without `admin`; NOT_FOUND, also for another tenant's
 */
export async function revokeApiKey(ctx: Ctx, id: string): Promise<ApiKey> {
  requireScope(ctx, 'admin');
  return updateKeyRevoked(ctx.db, ctx.principal.tenantId, id);
}
