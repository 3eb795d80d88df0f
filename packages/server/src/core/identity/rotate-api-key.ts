import { rotateApiKeySchema, type NewApiKey, type RotateApiKey } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import { transactOnce } from '../once/index.ts';
import { refuseEnded } from './expiry.ts';
import { lockKey, updateKeySecret } from './key-queries.ts';
import { makeSecret } from './secret.ts';

/**
 * Gives a key a new secret, told once. The old one is taken for `grace_seconds` more; one that was still in
 * its own grace ends at once. Id, scopes and expiry stay.
 * @throws FORBIDDEN without `admin`; NOT_FOUND, also for another tenant's; RESOURCE_CONFLICT once it has ended
 */
export async function rotateApiKey(ctx: Ctx, id: string, input: RotateApiKey): Promise<NewApiKey> {
  requireScope(ctx, 'admin');
  const { grace_seconds } = rotateApiKeySchema.parse(input);
  const { tenantId } = ctx.principal;
  let secret: string | null = null;
  const key = await transactOnce(ctx, 'api_key.rotate', { id, grace_seconds }, async (tx) => {
    const before = await lockKey(tx, tenantId, id);
    refuseEnded(ctx, before);
    const made = makeSecret();
    secret = made.secret;
    const previousExpiresAt = grace_seconds === 0 ? null : new Date(ctx.clock.now() + grace_seconds * 1000);
    const { prefix, hash } = made;
    const after = await updateKeySecret(tx, tenantId, id, { prefix, hash, previousExpiresAt });
    const targets = [{ type: 'api_key', id, name: after.name }];
    const details = { grace_seconds };
    await recordAudit(tx, auditor(ctx), { action: 'api_key.rotated', targets, before, after, details });
    return after;
  });
  return { ...key, secret };
}
