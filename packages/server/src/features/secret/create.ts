import { createSecretSchema, type CreateSecret, type Secret } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { auditor, recordAudit } from '../../core/audit/index.ts';
import { requireScope, type Ctx } from '../../core/context.ts';
import { DomainError } from '../../core/errors.ts';
import { transactOnce } from '../../core/once/index.ts';
import { announceChange, digestForReplay, expiryOf, hintOf } from './change.ts';
import { sealValue } from './envelope.ts';
import { fetchSecret, insertSecret, insertVersion } from './queries.ts';

/**
 * Stores a secret of the caller's tenant, encrypted. No answer holds its value.
 * @throws FORBIDDEN without `admin`; RESOURCE_CONFLICT when the name is taken; VALIDATION_ERROR; IDEMPOTENCY_MISMATCH
 */
export async function createSecret(ctx: Ctx, input: CreateSecret): Promise<Secret> {
  requireScope(ctx, 'admin');
  const { value, expires_at, ...about } = createSecretSchema.parse(input);
  const { tenantId, actor } = ctx.principal;
  const request = { ...about, expires_at, value: await digestForReplay(ctx, value) };
  try {
    return await transactOnce(ctx, 'secret.create', request, async (tx) => {
      const id = newId();
      const expiresAt = expiryOf(ctx, expires_at);
      const envelope = await sealValue(ctx.keyRing, { tenantId, secretId: id, version: 1 }, value);
      await insertSecret(tx, {
        ...about,
        tenant_id: tenantId,
        id,
        latest_version: 1,
        created_by: actor,
        expires_at: expiresAt,
      });
      await insertVersion(tx, {
        ...envelope,
        tenant_id: tenantId,
        secret_id: id,
        version: 1,
        last4: hintOf(value),
        created_by: actor,
      });
      const secret = await fetchSecret(tx, tenantId, id);
      announceChange(ctx, tx);
      const targets = [{ type: 'secret', id, name: about.name }];
      await recordAudit(tx, auditor(ctx), { action: 'secret.created', targets, after: secret });
      return secret;
    });
  } catch (error) {
    if (!ctx.db.isDuplicate(error)) throw error;
    throw new DomainError('RESOURCE_CONFLICT', `There is a secret named "${about.name}" already.`, {
      details: { field: 'name' },
    });
  }
}
