import { pageQuerySchema, type ApiKey, type Page, type PageQuery } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { totalOf } from '../count-rows.ts';
import { pageOf } from '../wire.ts';
import { countKeys, selectKeys } from './key-queries.ts';

/**
 * The tenant's API keys, newest first, revoked and expired ones too.
 * @throws FORBIDDEN without `admin`; VALIDATION_ERROR
 */
export async function listApiKeys(ctx: Ctx, input: PageQuery): Promise<Page<ApiKey>> {
  requireScope(ctx, 'admin');
  const page = pageQuerySchema.parse(input);
  const { limit, after } = page;
  const { tenantId } = ctx.principal;
  const rows = await selectKeys(ctx.db, tenantId, { limit: limit + 1, after });
  const total = await totalOf(page, rows, (include) => countKeys(ctx.db, tenantId, include));
  return pageOf(rows, limit, (row) => row, total);
}
