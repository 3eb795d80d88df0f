/**
 * Checks an export of the audit log without its server: `npm run audit:verify -- audit.jsonl [options]`.
 * Ends with 0 when the log is whole, 1 when it is not, 2 when it could not be checked.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { AuditVerification } from '@holdfast/protocol';
import { checkHead } from '../packages/server/src/infra/audit/head.ts';
import { keyIdOf } from '../packages/server/src/infra/audit/signing-key.ts';
import { UsageError, verifyExport } from './audit-export.ts';

const USAGE =
  'usage: npm run audit:verify -- <export.jsonl> [--heads <heads.jsonl>] [--public-key <key.pem>]... [--partial] [--json]';

function readKeys(paths: readonly string[]): Map<string, KeyObject> {
  return new Map(
    paths.map((path) => {
      const key = toKey(readable(path), path);
      return [keyIdOf(key), key];
    }),
  );
}

function toKey(text: string, path: string): KeyObject {
  try {
    const key = createPublicKey(text);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below.
  }
  throw new UsageError(`${path} holds no Ed25519 public key in PEM.`);
}

function readable(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

function describe(verdict: AuditVerification): string {
  const { valid, entries, last_seq, heads_checked, heads_skipped, reseals } = verdict;
  const lines = valid
    ? [`valid: ${entries} entries, the last is number ${last_seq}`]
    : [`NOT VALID from entry ${verdict.first_bad_seq} on (${verdict.reason}): ${verdict.message}`];
  lines.push(`signed heads: ${heads_checked} checked, ${heads_skipped} skipped for want of their key`);
  if (reseals > 0) lines.push(`the log went on from an older state ${reseals} time(s): see audit.resealed`);
  if (valid && heads_checked === 0)
    lines.push('without heads it is not known whether the end is missing or the log was written anew');
  return lines.join('\n');
}

/** The whole command. @returns its exit code, and what it says */
export async function auditVerify(args: readonly string[]): Promise<{ code: 0 | 1 | 2; text: string }> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        heads: { type: 'string' },
        'public-key': { type: 'string', multiple: true },
        partial: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    });
    const [file] = positionals;
    if (file === undefined || positionals.length > 1) throw new UsageError(USAGE);
    const keys = readKeys(values['public-key'] ?? []);
    const { heads, partial, json } = values;
    if (heads !== undefined && keys.size === 0) throw new UsageError('--heads needs --public-key.');
    const verdict = await verifyExport({ file, heads, partial, check: (head) => checkHead(head, keys) });
    return { code: verdict.valid ? 0 : 1, text: json === true ? JSON.stringify(verdict) : describe(verdict) };
  } catch (error) {
    const { message } = error as Error;
    return { code: 2, text: error instanceof UsageError ? message : `${message}\n${USAGE}` };
  }
}

if (import.meta.main) {
  const { code, text } = await auditVerify(process.argv.slice(2));
  console[code === 2 ? 'error' : 'log'](text);
  process.exitCode = code;
}
