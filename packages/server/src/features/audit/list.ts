import type { AuditEntryView, AuditFilter, Page } from '@holdfast/protocol';
import { auditFilterSchema } from '@holdfast/protocol';
import { z } from 'zod';
import type { Ctx } from '../../core/context.ts';
import { totalOf } from '../../core/count-rows.ts';
import type { Queryable } from '../../core/ports.ts';
import { fetchCheckpoint, fetchHead } from './chain-queries.ts';
import { resolveChain } from './chain.ts';
import { countEntries, isScan, prepareSearch, selectEntries, WINDOW } from './queries.ts';
import { Opener, toView } from './view.ts';
import { recordView } from './viewed.ts';

/** `after` is the number of the last entry of the page before. */
export const listAuditSchema = auditFilterSchema.extend({
  limit: z.int().min(1).max(100),
  after: z.coerce.number().pipe(z.int().min(1)).optional(),
  include_total: z.boolean().optional(),
});
export type ListAudit = AuditFilter & { limit: number; after?: number | string; include_total?: boolean };

/**
 * Newest first, without the changes. Looking is recorded itself. A page for which many entries had to be looked at may
 * be short or empty and still have a next one.
 * @throws FORBIDDEN without `admin`, and for the system's chain to all but an operator
 */
export async function listAuditEntries(ctx: Ctx, input: ListAudit): Promise<Page<AuditEntryView>> {
  const { chain, limit, after, include_total, ...filter } = listAuditSchema.parse(input);
  const tenantId = await resolveChain(ctx, chain);
  await recordView(ctx, chain);
  const search = await prepareSearch(ctx.db, tenantId, filter);
  const scans = isScan(search);
  const floor = scans ? await findFloor(ctx.db, tenantId, after) : 0;
  const rows = await selectEntries(ctx.db, search, { limit: limit + 1, before: after, floor });
  const page = { limit, after: after === undefined ? undefined : String(after), include_total };
  const isWhole = floor === 0 && (after === undefined || !scans);
  const count = (include: boolean | undefined) => countEntries(ctx.db, search, include);
  const total = isWhole ? await totalOf(page, rows, count) : undefined;
  const shown = rows.slice(0, limit);
  const opener = await Opener.for(ctx.db, tenantId, shown);
  const items = shown.map((row) => {
    const { diff: _, ...view } = toView(row, opener);
    return view;
  });
  const next = rows.length > limit ? shown.at(-1)!.seq : floor > 0 ? floor + 1 : null;
  return { items, limit, next_cursor: next === null ? null : String(next), total };
}

/** The entry down to which this page looks. */
async function findFloor(db: Queryable, tenantId: string, before: number | undefined): Promise<number> {
  const from = before ?? (await fetchHead(db, tenantId)).seq + 1;
  const floor = from - 1 - WINDOW;
  if (floor <= 0) return 0;
  const checkpoint = await fetchCheckpoint(db, tenantId);
  return floor <= (checkpoint?.seq ?? 0) ? 0 : floor;
}
