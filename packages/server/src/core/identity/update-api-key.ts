import { updateApiKeySchema, type ApiKey, type UpdateApiKey } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import { requireMatch } from '../precondition.ts';
import { inFuture, refuseEnded } from './expiry.ts';
import { lockKey, updateKey } from './key-queries.ts';

/**
 * Changes name or expiry; scopes are for life.
 * @throws FORBIDDEN without `admin`; NOT_FOUND, also for another tenant's; RESOURCE_CONFLICT once it has ended
 */
export async function updateApiKey(ctx: Ctx, id: string, input: UpdateApiKey): Promise<ApiKey> {
  requireScope(ctx, 'admin');
  const { name, expires_at } = updateApiKeySchema.parse(input);
  const { tenantId } = ctx.principal;
  return ctx.db.transaction(async (tx) => {
    const before = await lockKey(tx, tenantId, id);
    requireMatch(ctx, before);
    refuseEnded(ctx, before);
    const after = await updateKey(tx, tenantId, id, {
      ...(name === undefined ? {} : { name }),
      ...(expires_at === undefined ? {} : { expires_at: inFuture(ctx, expires_at) }),
    });
    const targets = [{ type: 'api_key', id, name: after.name }];
    await recordAudit(tx, auditor(ctx), { action: 'api_key.updated', targets, before, after });
    return after;
  });
}
