import { createApiKeySchema, type CreateApiKey, type NewApiKey } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import { transactOnce } from '../once/index.ts';
import { inFuture } from './expiry.ts';
import { insertKey } from './key-queries.ts';
import { makeSecret } from './secret.ts';

/**
 * Makes an API key of the caller's tenant. Only the first answer holds its secret: a repeated one has null.
 * @throws FORBIDDEN without `admin`, or without a scope it is to have; VALIDATION_ERROR; IDEMPOTENCY_MISMATCH
 */
export async function createApiKey(ctx: Ctx, input: CreateApiKey): Promise<NewApiKey> {
  requireScope(ctx, 'admin');
  const { name, scopes, expires_at } = createApiKeySchema.parse(input);
  for (const scope of scopes) requireScope(ctx, scope);
  let secret: string | null = null;
  const key = await transactOnce(ctx, 'api_key.create', input, async (tx) => {
    const made = makeSecret();
    // Kept out of the stored answer, which is in plain text.
    secret = made.secret;
    const key = await insertKey(tx, {
      tenant_id: ctx.principal.tenantId,
      id: newId(),
      name,
      prefix: made.prefix,
      key_hash: made.hash,
      scopes,
      created_by: ctx.principal.actor,
      expires_at: inFuture(ctx, expires_at ?? null),
    });
    const targets = [{ type: 'api_key', id: key.id, name }];
    await recordAudit(tx, auditor(ctx), { action: 'api_key.created', targets, after: key });
    return key;
  });
  return { ...key, secret };
}
