import { addSecretVersionSchema, type AddSecretVersion, type Secret } from '@holdfast/protocol';
import { auditor, recordAudit } from '../../core/audit/index.ts';
import { requireScope, type Ctx } from '../../core/context.ts';
import { invalid } from '../../core/errors.ts';
import { transactOnce } from '../../core/once/index.ts';
import { announceChange, digestForReplay, expiryOf, hintOf } from './change.ts';
import { sealValue } from './envelope.ts';
import { fetchSecret, insertVersion, lockSecret, updateLatest } from './queries.ts';

/**
 * Gives a secret a new value. Its earlier versions stay until they are disabled.
 * @throws FORBIDDEN without `admin`; NOT_FOUND, also for another tenant's; VALIDATION_ERROR; IDEMPOTENCY_MISMATCH
 */
export async function addSecretVersion(ctx: Ctx, id: string, input: AddSecretVersion): Promise<Secret> {
  requireScope(ctx, 'admin');
  const { value, expires_at } = addSecretVersionSchema.parse(input);
  const { tenantId, actor } = ctx.principal;
  const request = { expires_at, value: await digestForReplay(ctx, value) };
  return transactOnce(ctx, `secret.rotate:${id}`, request, async (tx) => {
    const before = await lockSecret(tx, tenantId, id);
    const expiresAt = expires_at === undefined ? undefined : expiryOf(ctx, expires_at);
    if (expiresAt === undefined && before.expires_at !== null) refusePast(ctx, before.expires_at);
    const version = before.latest_version + 1;
    const envelope = await sealValue(ctx.keyRing, { tenantId, secretId: id, version }, value);
    await insertVersion(tx, {
      ...envelope,
      tenant_id: tenantId,
      secret_id: id,
      version,
      last4: hintOf(value),
      created_by: actor,
    });
    await updateLatest(tx, tenantId, id, { version, expiresAt });
    const after = await fetchSecret(tx, tenantId, id);
    announceChange(ctx, tx);
    const targets = [{ type: 'secret', id, name: after.name }];
    await recordAudit(tx, auditor(ctx), { action: 'secret.rotated', targets, before, after });
    return after;
  });
}

/** A new value under an old expiry would be refused at its first use. */
function refusePast(ctx: Ctx, expiresAt: string): void {
  if (Date.parse(expiresAt) > ctx.clock.now()) return;
  throw invalid('expires_at', `the secret expired at ${expiresAt}: give a new time, or null for never`);
}
