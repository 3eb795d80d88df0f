import { auditExportSchema, type AuditExport } from '@holdfast/protocol';
import { auditor, recordAudit, type StoredEntry } from '../../core/audit/index.ts';
import type { Ctx } from '../../core/context.ts';
import { fetchCheckpoint, fetchHead } from './chain-queries.ts';
import { resolveChain } from './chain.ts';
import { CSV_HEADER, csvLine } from './csv.ts';
import { prepareSearch, selectForward, WINDOW, type Search } from './queries.ts';
import { Opener, toView } from './view.ts';

const BATCH = 500;

/**
 * The log, oldest first, in parts of text as they are asked for: JSON lines that `npm run audit:verify` checks, or CSV.
 * Exporting is recorded itself, before the first part. Without a filter the lines begin with the checkpoint that the
 * retention left, if there is one, and end with a signed head.
 * @throws FORBIDDEN without `admin`, and for the system's chain to all but an operator
 */
export async function exportAudit(ctx: Ctx, input: AuditExport): Promise<AsyncGenerator<string, void>> {
  const { chain, format, ...filter } = auditExportSchema.parse(input);
  const tenantId = await resolveChain(ctx, chain);
  await ctx.db.transaction((tx) =>
    recordAudit(tx, auditor(ctx), {
      action: 'audit.exported',
      targets: [{ type: 'audit_log', id: chain }],
      details: { format, filter },
    }),
  );
  const search = await prepareSearch(ctx.db, tenantId, filter);
  return format === 'csv' ? csvParts(ctx, search) : jsonParts(ctx, search);
}

async function* csvParts(ctx: Ctx, search: Search): AsyncGenerator<string, void> {
  yield CSV_HEADER;
  const { seq: through } = await fetchHead(ctx.db, search.tenantId);
  for await (const batch of batchesOf(ctx, search, through)) {
    const opener = await Opener.for(ctx.db, search.tenantId, batch);
    yield batch.map((entry) => csvLine(toView(entry, opener))).join('');
  }
}

async function* jsonParts(ctx: Ctx, search: Search): AsyncGenerator<string, void> {
  const { tenantId } = search;
  const whole = Object.values(search.filter).every((value) => value === undefined);
  const head = await fetchHead(ctx.db, tenantId);
  const checkpoint = whole ? await fetchCheckpoint(ctx.db, tenantId) : null;
  if (checkpoint !== null) yield line(checkpoint.statement);
  for await (const batch of batchesOf(ctx, search, head.seq)) {
    const opener = await Opener.for(ctx.db, tenantId, batch);
    yield batch.map((entry) => line({ ...entry, personal: opener.openings(entry) })).join('');
  }
  if (!whole || head.seq === 0) return;
  const statement = { kind: 'head', tenant_id: tenantId, seq: head.seq, hash: head.hash } as const;
  yield line(ctx.notary.sign(statement, ctx.clock.now()));
}

async function* batchesOf(
  ctx: Ctx,
  search: Search,
  through: number,
): AsyncGenerator<readonly StoredEntry[], void> {
  for (let after = 0; after < through;) {
    const end = Math.min(through, after + WINDOW);
    const batch = await selectForward(ctx.db, search, { limit: BATCH, after, through: end });
    if (batch.length > 0) yield batch;
    after = batch.length === BATCH ? batch.at(-1)!.seq : end;
  }
}

const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
