import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { hashEntry, NO_HASH, type StoredEntry } from '../src/core/audit/entry.ts';
import { selectBatch } from '../src/core/audit/index.ts';
import type { Db, Queryable, Tx } from '../src/core/ports.ts';

/** What somebody with all rights on the database can do: the triggers are out of the way. */
export function tamper(db: Db, work: (tx: Tx) => Promise<unknown>): Promise<void> {
  return db.transaction(async (tx) => {
    await sql`set local session_replication_role = 'replica'`.execute(tx.kysely);
    await work(tx);
  });
}

/** Everything of a small chain, oldest first. */
export const chainOf = (db: Queryable, tenantId: string) => selectBatch(db, tenantId, 0, 10_000);

/** Numbers and chains entries anew, as somebody does who knows how it is done. */
export function rechain(entries: readonly StoredEntry[], from = 1, prevHash = NO_HASH): StoredEntry[] {
  let prev = prevHash;
  return entries.map((entry, index) => {
    const next = { ...entry, seq: from + index, prev_hash: prev };
    prev = hashEntry(next);
    return { ...next, hash: prev };
  });
}

/** Puts these rows in place of a tenant's whole chain, and sets its recorded end. */
export async function replaceChain(tx: Tx, tenantId: string, entries: readonly StoredEntry[]): Promise<void> {
  await tx.kysely.deleteFrom('audit_entries').where('tenant_id', '=', tenantId).execute();
  for (const { actor, targets, context, diff, occurred_at, ...row } of entries) {
    await tx.kysely
      .insertInto('audit_entries')
      .values({
        ...row,
        occurred_at: new Date(occurred_at),
        actor: JSON.stringify(actor),
        targets: JSON.stringify(targets),
        context: JSON.stringify(context),
        diff: diff === null ? null : JSON.stringify(diff),
      })
      .execute();
  }
  const end = entries.at(-1);
  await tx.kysely
    .updateTable('audit_heads')
    .set({ seq: end?.seq ?? 0, hash: end?.hash ?? NO_HASH })
    .where('tenant_id', '=', tenantId)
    .execute();
}

const INSERT_MANY = {
  name: 'test_audit_insert_many',
  text: `insert into audit_entries select * from json_populate_recordset(null::audit_entries, $1::json)`,
};

/** A chain of so many entries, put into the database at once: writing them one by one takes minutes. */
export async function fillChain(
  db: Db,
  tenantId: string,
  count: number,
  entryOf: (n: number) => Partial<StoredEntry> = () => ({}),
): Promise<void> {
  const BATCH = 2000;
  let end = { seq: 0, hash: NO_HASH };
  for (let from = 0; from < count; from += BATCH) {
    const drafts = Array.from({ length: Math.min(BATCH, count - from) }, (_, index): StoredEntry => ({
      schema_version: 1,
      tenant_id: tenantId,
      seq: 0,
      id: randomUUID(),
      occurred_at: new Date().toISOString(),
      actor: { type: 'user', id: 'user:ann', on_behalf_of: null },
      action: 'thing.done',
      outcome: 'success',
      targets: [{ type: 'thing', id: String(from + index + 1) }],
      context: { ip: null, user_agent: null, request_id: null },
      diff: null,
      prev_hash: '',
      hash: '',
      ...entryOf(from + index + 1),
    }));
    const rows = rechain(drafts, end.seq + 1, end.hash);
    end = rows.at(-1)!;
    await db.transaction((tx) => tx.query(INSERT_MANY, [JSON.stringify(rows)]));
  }
  const { seq, hash } = end;
  await db.kysely.insertInto('audit_heads').values({ tenant_id: tenantId, seq, hash }).execute();
}
