import { pageQuerySchema, type ApiKey, type Page, type PageQuery } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { pageOf } from '../wire.ts';
import { selectKeys } from './queries.ts';

/**
 * The tenant's API keys, newest first, revoked and expired ones too.
 * @throws FORBIDDEN without `admin`; VALIDATION_ERROR
 */
export async function listApiKeys(ctx: Ctx, input: PageQuery): Promise<Page<ApiKey>> {
  requireScope(ctx, 'admin');
  const { limit, after } = pageQuerySchema.parse(input);
  const rows = await selectKeys(ctx.db, ctx.principal.tenantId, { limit: limit + 1, after });
  return pageOf(rows, limit, (row) => row);
}
