import { accessSync, createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { auditEntryDetailSchema, type AuditVerification, type SignedHead } from '@holdfast/protocol';
import { z } from 'zod';
import {
  ChainCheck,
  collectMarks,
  NO_HASH,
  openBytes,
  parseHead,
  SEALED,
  type ChainEnd,
  type CheckHead,
  type Fault,
  type Marks,
  type StoredEntry,
} from '../packages/server/src/core/audit/index.ts';
import { readJsonLines } from '../packages/server/src/infra/audit/head-file.ts';

/** The check cannot be made; nothing is said about the log. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ExportOptions {
  file: string;
  /** Signed heads, from outside of the database. */
  heads?: string;
  /** Tells good signatures. */
  check: CheckHead;
  /** The export was filtered: entries may be missing. */
  partial?: boolean;
}

/** Values that are not under the hash themselves, each with the key that opens what is. */
const personalSchema = z.record(z.string(), z.object({ value: z.string(), key: z.string() }));
const lineSchema = z.strictObject({
  ...auditEntryDetailSchema.shape,
  tenant_id: z.guid(),
  personal: personalSchema.optional(),
});

const NO_MARKS: Marks = { marks: [], skipped: 0, reseals: 0, forged: null };

/** Reads the export once, a line at a time. @throws UsageError */
export async function verifyExport({
  file,
  heads,
  check,
  partial = false,
}: ExportOptions): Promise<AuditVerification> {
  let run: Run | null = null;
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number += 1;
    if (line === '') continue;
    const value = parse(line);
    run ??= new Run(await marksOf(heads, tenantOf(value), check), check, partial);
    if (!run.take(value, number)) break;
  }
  if (run === null) throw new UsageError(`${file} is empty: there is nothing to check.`);
  return run.end();
}

/** One pass over an export. */
class Run {
  readonly #marks: Marks;
  readonly #check: CheckHead;
  readonly #partial: boolean;
  #chain: ChainCheck;
  #tenantId: string | null = null;
  #fault: Fault | null = null;
  #lastHash = '';
  #headsChecked = 0;
  #headsSkipped = 0;

  constructor(marks: Marks, check: CheckHead, partial: boolean) {
    this.#marks = marks;
    this.#check = check;
    this.#partial = partial;
    this.#chain = this.#startAt({ seq: 0, hash: NO_HASH });
  }

  /** @returns whether to go on */
  take(value: unknown, line: number): boolean {
    const head = parseHead(value);
    this.#fault = head === null ? this.#takeEntry(value, line) : this.#takeHead(head);
    return this.#fault === null;
  }

  end(): AuditVerification {
    const { forged, skipped, reseals } = this.#marks;
    let fault = this.#fault ?? this.#chain.end();
    if (fault === null && forged !== null) fault = forgedHead(forged);
    return {
      valid: fault === null,
      entries: this.#chain.entries,
      last_seq: this.#chain.lastSeq,
      first_bad_seq: fault?.seq ?? null,
      reason: fault?.reason ?? null,
      message: fault?.message ?? null,
      heads_checked: this.#chain.marksChecked + this.#headsChecked,
      heads_skipped: skipped + this.#headsSkipped,
      reseals,
    };
  }

  #startAt(start: ChainEnd): ChainCheck {
    return new ChainCheck(start, this.#marks.marks, this.#partial);
  }

  #takeEntry(value: unknown, line: number): Fault | null {
    const seq = this.#chain.lastSeq + 1;
    const parsed = lineSchema.safeParse(value);
    if (!parsed.success) return { seq, reason: 'unreadable', message: `Line ${line} is no audit entry.` };
    this.#tenantId ??= parsed.data.tenant_id;
    if (parsed.data.tenant_id !== this.#tenantId)
      return { seq, reason: 'unreadable', message: `Line ${line} belongs to another log.` };
    const { personal = {}, ...entry } = value as StoredEntry & { personal?: z.infer<typeof personalSchema> };
    this.#lastHash = entry.hash;
    return this.#chain.add(entry) ?? checkPersonal(entry, personal);
  }

  #takeHead(head: SignedHead): Fault | null {
    const verdict = this.#check(head);
    if (verdict === 'invalid' || head.tenant_id !== (this.#tenantId ?? head.tenant_id))
      return forgedHead(head);
    if (head.kind === 'checkpoint') return this.#takeCheckpoint(head, verdict);
    if (verdict === 'unknown_key') this.#headsSkipped += 1;
    else this.#headsChecked += 1;
    const { lastSeq } = this.#chain;
    if (this.#partial || (head.seq === lastSeq && head.hash === this.#lastHash)) return null;
    const message = `The export ends with entry ${lastSeq}, but was made of ${head.seq}.`;
    if (head.seq > lastSeq) return { seq: lastSeq + 1, reason: 'tail_cut', message };
    return {
      seq: head.seq,
      reason: 'rewritten',
      message: `Entry ${head.seq} is not the one that was signed.`,
    };
  }

  #takeCheckpoint({ seq, hash, tenant_id }: SignedHead, verdict: 'valid' | 'unknown_key'): Fault | null {
    if (verdict === 'unknown_key')
      throw new UsageError(
        'The export begins with a checkpoint: give the --public-key that it was signed with.',
      );
    if (this.#chain.entries > 0)
      return {
        seq: this.#chain.lastSeq + 1,
        reason: 'out_of_order',
        message: 'A checkpoint must come first.',
      };
    this.#tenantId = tenant_id;
    this.#chain = this.#startAt({ seq, hash });
    return null;
  }
}

/** What is shown in the clear must be what is sealed under the hash. */
function checkPersonal(entry: StoredEntry, personal: z.infer<typeof personalSchema>): Fault | null {
  const sealedValues = new Map(
    [...JSON.stringify(entry).matchAll(SEALED)].map(([all, , bytes]) => [all, bytes!]),
  );
  for (const [sealed, { value, key }] of Object.entries(personal)) {
    const bytes = sealedValues.get(sealed);
    if (bytes !== undefined && openBytes(Buffer.from(key, 'base64url'), bytes) === value) continue;
    const message = `A personal value shown with entry ${entry.seq} is not the one that is sealed in it.`;
    return { seq: entry.seq, reason: 'altered', message };
  }
  return null;
}

function forgedHead({ seq }: SignedHead): Fault {
  return { seq, reason: 'forged_head', message: `The signature of the head at entry ${seq} is wrong.` };
}

async function marksOf(path: string | undefined, tenantId: string | null, check: CheckHead): Promise<Marks> {
  if (path === undefined || tenantId === null) return NO_MARKS;
  accessSync(path);
  return collectMarks(readJsonLines(path), tenantId, check);
}

function tenantOf(value: unknown): string | null {
  const parsed = z.looseObject({ tenant_id: z.guid() }).safeParse(value);
  return parsed.success ? parsed.data.tenant_id : null;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
