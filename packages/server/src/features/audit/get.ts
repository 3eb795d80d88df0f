import type { AuditChain, AuditEntryDetail } from '@holdfast/protocol';
import type { Ctx } from '../../core/context.ts';
import { notFound } from '../../core/errors.ts';
import { resolveChain } from './chain.ts';
import { findEntry } from './queries.ts';
import { Opener, toView } from './view.ts';
import { recordView } from './viewed.ts';

/**
 * One entry with its changes. Looking is recorded itself.
 * @throws FORBIDDEN; NOT_FOUND, also for another tenant's
 */
export async function getAuditEntry(ctx: Ctx, id: string, chain: AuditChain): Promise<AuditEntryDetail> {
  const tenantId = await resolveChain(ctx, chain);
  await recordView(ctx, chain);
  const entry = await findEntry(ctx.db, tenantId, id);
  if (entry === null) throw notFound('Audit entry');
  return toView(entry, await Opener.for(ctx.db, tenantId, [entry]));
}
