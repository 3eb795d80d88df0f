import type { AuditActor, AuditChange, AuditContext, AuditTarget } from '@holdfast/protocol';
import type { Selectable } from 'kysely';
import type { Queryable } from '../ports.ts';
import type { Tables } from '../tables.ts';
import { fromJson, iso } from '../wire.ts';
import type { StoredEntry } from './entry.ts';

export function toEntry(row: Selectable<Tables['audit_entries']>): StoredEntry {
  return {
    ...row,
    occurred_at: iso(row.occurred_at),
    actor: fromJson<AuditActor>(row.actor),
    targets: fromJson<AuditTarget[]>(row.targets),
    context: fromJson<AuditContext>(row.context),
    diff: fromJson<AuditChange[]>(row.diff),
  };
}

/** Entries after `after`, in the order of the chain. */
export async function selectBatch(
  db: Queryable,
  tenantId: string,
  after: number,
  limit: number,
): Promise<StoredEntry[]> {
  const rows = await db.kysely
    .selectFrom('audit_entries')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map(toEntry);
}
