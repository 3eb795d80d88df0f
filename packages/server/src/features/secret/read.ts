import {
  pageQuerySchema,
  type Page,
  type PageQuery,
  type Secret,
  type SecretAccess,
  type SecretDetail,
} from '@holdfast/protocol';
import { requireScope, type Ctx } from '../../core/context.ts';
import { totalOf } from '../../core/count-rows.ts';
import { notFound } from '../../core/errors.ts';
import { isId, pageOf } from '../../core/wire.ts';
import { countAccesses, selectAccesses } from './list-queries.ts';
import { countSecrets, fetchSecret, selectSecrets, selectVersions } from './queries.ts';

/** What is known of a secret and its versions, not its value. @throws FORBIDDEN; NOT_FOUND, also for another tenant's */
export async function getSecret(ctx: Ctx, id: string): Promise<SecretDetail> {
  requireScope(ctx, 'admin');
  const { tenantId } = ctx.principal;
  const secret = await fetchSecret(ctx.db, tenantId, id);
  return { ...secret, versions: await selectVersions(ctx.db, tenantId, id) };
}

/** Newest first. @throws FORBIDDEN without `admin`; VALIDATION_ERROR */
export async function listSecrets(ctx: Ctx, input: PageQuery): Promise<Page<Secret>> {
  requireScope(ctx, 'admin');
  const page = pageQuerySchema.parse(input);
  const { limit, after } = page;
  const { tenantId } = ctx.principal;
  const rows = await selectSecrets(ctx.db, tenantId, { limit: limit + 1, after });
  const total = await totalOf(page, rows, (include) => countSecrets(ctx.db, tenantId, include));
  return pageOf(rows, limit, (row) => row, total);
}

/**
 * Every use of a secret's value, newest first, also after the secret was deleted.
 * @throws FORBIDDEN without `admin`; NOT_FOUND for one that was neither there nor used; VALIDATION_ERROR
 */
export async function listSecretAccesses(
  ctx: Ctx,
  id: string,
  input: PageQuery,
): Promise<Page<SecretAccess>> {
  requireScope(ctx, 'admin');
  const page = pageQuerySchema.parse(input);
  const { limit, after } = page;
  if (!isId(id)) throw notFound('Secret');
  const { tenantId } = ctx.principal;
  const rows = await selectAccesses(ctx.db, tenantId, id, { limit: limit + 1, after });
  const known = rows.length > 0 || (await selectAccesses(ctx.db, tenantId, id, { limit: 1 })).length > 0;
  if (!known) await fetchSecret(ctx.db, tenantId, id);
  const total = await totalOf(page, rows, (include) => countAccesses(ctx.db, tenantId, id, include));
  return pageOf(rows, limit, (row) => row, total);
}
