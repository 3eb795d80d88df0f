import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditActor, AuditChange, AuditContext, AuditTarget } from '@holdfast/protocol';
import type { Db, Notary } from '../src/core/ports.ts';
import { createNotary } from '../src/infra/audit/index.ts';

let folder: string | null = null;
let files = 0;

/** A path for a file of heads that goes with this process. */
export function newHeadsFile(): string {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), 'holdfast-heads-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  files += 1;
  return join(folder, `${files}.jsonl`);
}

export const newSigningKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;

let shared: Notary | undefined;

/** One for all tests that only need there to be one. */
export function testNotary(): Notary {
  shared ??= createNotary({
    secret: 'a secret of the tests, long enough to be one',
    signingKey: newSigningKey(),
    headsFile: newHeadsFile(),
  });
  return shared;
}

export interface RecordedEntry {
  seq: number;
  action: string;
  outcome: string;
  actor: AuditActor;
  targets: AuditTarget[];
  /** Personal values are encrypted here. */
  context: AuditContext;
  diff: AuditChange[] | null;
}

/** A tenant's audit log as it is stored, oldest first. */
export async function auditEntries(db: Db, tenantId: string, action?: string): Promise<RecordedEntry[]> {
  const rows = await db.kysely
    .selectFrom('audit_entries')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('seq')
    .execute();
  return rows
    .filter((row) => action === undefined || row.action === action)
    .map(({ seq, outcome, ...row }) => ({
      seq,
      action: row.action,
      outcome,
      actor: JSON.parse(row.actor) as AuditActor,
      targets: JSON.parse(row.targets) as AuditTarget[],
      context: JSON.parse(row.context) as AuditContext,
      diff: row.diff === null ? null : (JSON.parse(row.diff) as AuditChange[]),
    }));
}
