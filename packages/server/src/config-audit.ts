import { join, resolve } from 'node:path';
import { integer, text, type Doc } from './config-field.ts';
import { readPrivateKey, readPublicKey } from './infra/audit/index.ts';

const audit = (description: string): Doc => ({ group: 'Audit log', description });

/** How the audit log is signed and how long it is kept. */
export const AUDIT_VARIABLES = {
  AUDIT_RETENTION_DAYS: integer(1, 36_500, 365, audit('Age in days at which audit entries are deleted.')),
  AUDIT_HEADS_FILE: text(
    1,
    4096,
    audit('Where the signed heads of the audit chains are added; default audit-heads.jsonl in DATA_DIR.'),
  ),
  AUDIT_HEADS_ENTRIES: integer(
    1,
    1_000_000,
    1000,
    audit('Entries after which a chain gets a signed head without waiting for the hour to end.'),
  ),
  AUDIT_SIGNING_KEY: text(
    1,
    1024,
    audit(
      'Ed25519 key that signs the heads: PEM, or openssl rand -base64 32. Default: one kept in DATA_DIR; servers of one database share it.',
    ),
  ),
  AUDIT_PREVIOUS_KEYS: text(
    1,
    4096,
    audit('Public keys of earlier signatures, comma-separated: 32 bytes in base64 each.'),
  ),
} as const;

interface AuditVariables {
  AUDIT_RETENTION_DAYS: number;
  AUDIT_HEADS_FILE?: string;
  AUDIT_HEADS_ENTRIES: number;
  AUDIT_SIGNING_KEY?: string;
  AUDIT_PREVIOUS_KEYS?: string;
}

const listOf = (keys: string | undefined): string[] => (keys === undefined ? [] : keys.split(','));

/** @param dataDir absolute; `cwd` is what a relative AUDIT_HEADS_FILE is relative to */
export function toAuditConfig(v: AuditVariables, dataDir: string, cwd: string) {
  const { AUDIT_HEADS_FILE: file, AUDIT_SIGNING_KEY: key } = v;
  return {
    retentionDays: v.AUDIT_RETENTION_DAYS,
    headsEntries: v.AUDIT_HEADS_ENTRIES,
    headsFile: file === undefined ? join(dataDir, 'audit-heads.jsonl') : resolve(cwd, file),
    signingKey: key === undefined ? undefined : readPrivateKey(key),
    previousKeys: listOf(v.AUDIT_PREVIOUS_KEYS).map(readPublicKey),
  };
}

/** Refuses keys that are none, before anything is opened. */
export function checkAuditVariables(
  { AUDIT_SIGNING_KEY, AUDIT_PREVIOUS_KEYS }: Partial<AuditVariables>,
  refuse: (variable: string, rule: string) => void,
): void {
  if (AUDIT_SIGNING_KEY !== undefined && !reads(() => readPrivateKey(AUDIT_SIGNING_KEY))) {
    refuse('AUDIT_SIGNING_KEY', 'must be an Ed25519 private key: PEM, or 32 bytes in base64.');
  }
  if (!reads(() => listOf(AUDIT_PREVIOUS_KEYS).map(readPublicKey))) {
    refuse('AUDIT_PREVIOUS_KEYS', 'must be Ed25519 public keys of 32 bytes in base64, comma-separated.');
  }
}

function reads(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}
