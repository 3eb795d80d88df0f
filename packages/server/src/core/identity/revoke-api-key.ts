import type { ApiKey } from '@holdfast/protocol';
import { sql } from 'kysely';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import { lockKey, updateKey } from './key-queries.ts';

/**
 * Ends an API key at once and for good. Revoking it again changes nothing.
 * @throws FORBIDDEN without `admin`; NOT_FOUND, also for another tenant's
 */
export async function revokeApiKey(ctx: Ctx, id: string): Promise<ApiKey> {
  requireScope(ctx, 'admin');
  return ctx.db.transaction(async (tx) => {
    const before = await lockKey(tx, ctx.principal.tenantId, id);
    if (before.revoked_at !== null) return before;
    const after = await updateKey(tx, ctx.principal.tenantId, id, {
      revoked_at: sql<Date>`clock_timestamp()`,
    });
    const targets = [{ type: 'api_key', id, name: after.name }];
    await recordAudit(tx, auditor(ctx), { action: 'api_key.revoked', targets, before, after });
    return after;
  });
}
