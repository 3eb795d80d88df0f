import { createHash } from 'node:crypto';
import type { AuditActor, AuditChange, AuditContext, AuditOutcome, AuditTarget } from '@holdfast/protocol';
import canonicalize from 'canonicalize';

/** Stands for the entry before the first. */
export const NO_HASH = '0'.repeat(64);

export const SCHEMA_VERSION = 1;

/** What the hash of an entry covers, as it is stored: secrets digested, personal data encrypted. */
export interface HashedEntry {
  schema_version: number;
  tenant_id: string;
  seq: number;
  id: string;
  /** ISO 8601, UTC, milliseconds. */
  occurred_at: string;
  actor: AuditActor;
  action: string;
  outcome: AuditOutcome;
  targets: AuditTarget[];
  context: AuditContext;
  diff: AuditChange[] | null;
  prev_hash: string;
}

export interface StoredEntry extends HashedEntry {
  hash: string;
}

/** SHA-256 (hex) of the canonical form (RFC 8785) of exactly these fields. */
export function hashEntry(entry: HashedEntry): string {
  const { schema_version, tenant_id, seq, id, occurred_at, actor, action } = entry;
  const { outcome, targets, context, diff, prev_hash } = entry;
  const covered: HashedEntry = {
    schema_version,
    tenant_id,
    seq,
    id,
    occurred_at,
    actor,
    action,
    outcome,
    targets,
    context,
    diff,
    prev_hash,
  };
  return createHash('sha256').update(canonicalize(covered)!).digest('hex');
}
