import type { Queryable, Statement, Tx } from '../ports.ts';
import { NO_HASH, type StoredEntry } from './entry.ts';
import type { SubjectKey } from './seal.ts';

/** The end of a chain; `hash` is that of entry `seq`. */
export interface ChainEnd {
  seq: number;
  hash: string;
}

// Sent with the lock, which it waits for: another writer's new keys are then committed and seen.
const SUBJECT_KEYS: Statement = {
  name: 'audit_subject_keys',
  text: `select subject, id, key from audit_subjects where tenant_id = $1 and subject = any($2::text[])`,
};

const LOCK_HEAD: Statement = {
  name: 'audit_head_lock',
  text: `select seq, hash, clock_timestamp() as now from audit_heads where tenant_id = $1 for update`,
};

const START_CHAIN: Statement = {
  name: 'audit_chain_start',
  text: `insert into audit_heads (tenant_id, seq, hash) values ($1, 0, $2) on conflict (tenant_id) do nothing`,
};

const INSERT_SUBJECT: Statement = {
  name: 'audit_subject_insert',
  text: `insert into audit_subjects (tenant_id, id, subject, key) values ($1, $2, $3, $4)`,
};

const APPEND: Statement = {
  name: 'audit_append',
  text: `with head as (update audit_heads set seq = $2, hash = $13 where tenant_id = $1)
    insert into audit_entries (tenant_id, seq, id, occurred_at, action, outcome, actor, targets, context, diff,
      schema_version, prev_hash, hash)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
};

/** Holds the chain's end until the transaction ends. @returns null when the chain has not begun */
export async function lockHead(tx: Tx, tenantId: string): Promise<(ChainEnd & { now: Date }) | null> {
  return (await tx.query<ChainEnd & { now: Date }>(LOCK_HEAD, [tenantId]))[0] ?? null;
}

/** The same, and begins the chain if need be: of two at once one waits for the other, and finds it begun. */
export async function holdChain(tx: Tx, tenantId: string): Promise<ChainEnd & { now: Date }> {
  const end = await lockHead(tx, tenantId);
  if (end !== null) return end;
  await tx.query(START_CHAIN, [tenantId, NO_HASH]);
  return (await lockHead(tx, tenantId))!;
}

export function selectSubjectKeys(
  db: Queryable,
  tenantId: string,
  subjects: readonly string[],
): Promise<(SubjectKey & { subject: string })[]> {
  return db.query(SUBJECT_KEYS, [tenantId, subjects]);
}

export async function insertSubject(
  tx: Tx,
  tenantId: string,
  { id, key, subject }: SubjectKey & { subject: string },
): Promise<void> {
  await tx.query(INSERT_SUBJECT, [tenantId, id, subject, key]);
}

/** Adds the entry and moves the chain's end to it. */
export async function appendEntry(tx: Tx, entry: StoredEntry): Promise<void> {
  const { tenant_id, seq, id, occurred_at, action, outcome, actor, targets, context, diff } = entry;
  await tx.query(APPEND, [
    tenant_id,
    seq,
    id,
    occurred_at,
    action,
    outcome,
    JSON.stringify(actor),
    JSON.stringify(targets),
    JSON.stringify(context),
    diff === null ? null : JSON.stringify(diff),
    entry.schema_version,
    entry.prev_hash,
    entry.hash,
  ]);
}

/** Erases people from every tenant's log. @returns how many keys are gone */
export async function deleteSubjects(db: Queryable, subjects: readonly string[]): Promise<number> {
  const result = await db.kysely
    .deleteFrom('audit_subjects')
    .where('subject', 'in', subjects)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
