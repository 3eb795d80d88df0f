import {
  pageQuerySchema,
  type Document,
  type DocumentContent,
  type Page,
  type PageQuery,
} from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { totalOf } from '../count-rows.ts';
import { fetchProject } from '../project/index.ts';
import { pageOf } from '../wire.ts';
import { countDocuments, fetchDocument, selectDocuments } from './queries.ts';

/**
 * Newest first, without content.
 * @throws FORBIDDEN; NOT_FOUND for the project
 */
export async function listDocuments(
  ctx: Ctx,
  projectId: string,
  input: Partial<PageQuery>,
): Promise<Page<Document>> {
  requireScope(ctx, 'read');
  const page = pageQuerySchema.parse(input);
  const { limit, after } = page;
  const { tenantId } = ctx.principal;
  await fetchProject(ctx.db, tenantId, projectId);
  const scope = { db: ctx.db, tenantId, projectId };
  const rows = await selectDocuments(scope, { limit: limit + 1, after });
  const total = await totalOf(page, rows, (include) => countDocuments(scope, include));
  return pageOf(rows, limit, (row) => row, total);
}

/**
 * One document with its content.
 * @throws FORBIDDEN; NOT_FOUND, also for another tenant's
 */
export async function getDocument(ctx: Ctx, id: string): Promise<DocumentContent> {
  requireScope(ctx, 'read');
  return fetchDocument(ctx.db, ctx.principal.tenantId, id);
}
