import { createApiKeySchema, type CreateApiKey, type NewApiKey } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { requireScope, type Ctx } from '../context.ts';
import { invalid } from '../errors.ts';
import { transactOnce } from '../once/index.ts';
import { insertKey } from './queries.ts';
import { makeSecret } from './secret.ts';

/**
 * Makes an API key of the caller's tenant. Only the first answer holds its secret: a repeated one has null.
 * @throws FORBIDDEN without `admin`; VALIDATION_ERROR; IDEMPOTENCY_MISMATCH
 */
export async function createApiKey(ctx: Ctx, input: CreateApiKey): Promise<NewApiKey> {
  requireScope(ctx, 'admin');
  const { name, scopes, expires_at } = createApiKeySchema.parse(input);
  let secret: string | null = null;
  const key = await transactOnce(ctx, 'api_key.create', input, (tx) => {
    const expiresAt = expires_at ? new Date(expires_at) : null;
    if (expiresAt !== null && !(expiresAt.getTime() > ctx.clock.now())) {
      throw invalid('expires_at', 'must be in the future');
    }
    const made = makeSecret();
    // Kept out of the stored answer, which is in plain text.
    secret = made.secret;
    return insertKey(tx, {
      tenant_id: ctx.principal.tenantId,
      id: newId(),
      name,
      prefix: made.prefix,
      key_hash: made.hash,
      scopes,
      created_by: ctx.principal.actor,
      expires_at: expiresAt,
    });
  });
  return { ...key, secret };
}
