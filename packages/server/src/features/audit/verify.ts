import { verifyAuditSchema, type AuditChain, type AuditVerification } from '@holdfast/protocol';
import {
  auditor,
  ChainCheck,
  collectMarks,
  NO_HASH,
  parseHead,
  recordAudit,
  selectBatch,
  type ChainEnd,
  type Fault,
  type Marks,
} from '../../core/audit/index.ts';
import type { Ctx } from '../../core/context.ts';
import { resolveChain } from './chain.ts';
import { fetchCheckpoint, fetchHead, findBeyondHead } from './chain-queries.ts';

const BATCH = 1000;
/** The retention may delete the beginning while it is read. */
const MAX_ATTEMPTS = 5;

/**
 * Reads the whole chain and this server's signed heads, a thousand entries at a time, and tells whether the chain is
 * what it was. That it was asked for, and the answer, is recorded.
 * @throws FORBIDDEN without `admin`, and for the system's chain to all but an operator
 */
export async function verifyAudit(ctx: Ctx, input: { chain?: AuditChain }): Promise<AuditVerification> {
  const { chain } = verifyAuditSchema.parse(input);
  const tenantId = await resolveChain(ctx, chain);
  const marks = await collectMarks(ctx.notary.read(), tenantId, (head) => ctx.notary.check(head));
  const { check, fault } = await checkChain(ctx, tenantId, marks);
  const result: AuditVerification = {
    valid: fault === null,
    entries: check.entries,
    last_seq: check.lastSeq,
    first_bad_seq: fault?.seq ?? null,
    reason: fault?.reason ?? null,
    message: fault?.message ?? null,
    heads_checked: check.marksChecked,
    heads_skipped: marks.skipped,
    reseals: marks.reseals,
  };
  await recordResult(ctx, chain, result);
  return result;
}

/** A chain with an entry where the next one belongs takes no other; the answer must come all the same. */
async function recordResult(ctx: Ctx, chain: AuditChain, result: AuditVerification): Promise<void> {
  const outcome = result.valid ? 'success' : 'failure';
  const targets = [{ type: 'audit_log', id: chain }];
  const entry = { action: 'audit.verified', targets, outcome, details: result } as const;
  try {
    await ctx.db.transaction((tx) => recordAudit(tx, auditor(ctx), entry));
  } catch (err) {
    if (result.valid || !ctx.db.isDuplicate(err)) throw err;
    ctx.logger.error({ err, ...result }, 'the audit log is not whole and takes no entry');
  }
}

interface Checked {
  check: ChainCheck;
  fault: Fault | null;
}

async function checkChain(ctx: Ctx, tenantId: string, { marks, forged }: Marks): Promise<Checked> {
  for (let attempt = 1; ; attempt += 1) {
    const head = await fetchHead(ctx.db, tenantId);
    const { start, fault } = await findStart(ctx, tenantId);
    const check = new ChainCheck(start, marks);
    if (fault !== null) return { check, fault };
    const found = await readThrough(ctx, tenantId, check, head);
    const moved =
      (await fetchCheckpoint(ctx.db, tenantId))?.seq !== (start.seq === 0 ? undefined : start.seq);
    if (found !== null && moved && attempt < MAX_ATTEMPTS) continue;
    return { check, fault: found ?? (forged === null ? null : forgedHead(forged.seq)) };
  }
}

async function readThrough(
  ctx: Ctx,
  tenantId: string,
  check: ChainCheck,
  head: ChainEnd,
): Promise<Fault | null> {
  for (let full = true; full && check.lastSeq < head.seq;) {
    const batch = await selectBatch(ctx.db, tenantId, check.lastSeq, BATCH);
    full = batch.length === BATCH;
    for (const entry of batch) {
      const fault = check.add(entry) ?? checkEnd(check, head, entry.hash);
      if (fault !== null) return fault;
    }
  }
  const fault = check.end();
  if (fault !== null) return fault;
  const { lastSeq } = check;
  if (lastSeq < head.seq) {
    const message = `The log ends with entry ${lastSeq}, but its end was recorded as entry ${head.seq}.`;
    return { seq: lastSeq + 1, reason: 'tail_cut', message };
  }
  const beyond = await findBeyondHead(ctx.db, tenantId);
  if (beyond === null) return null;
  return {
    seq: beyond,
    reason: 'inserted',
    message: `Entry ${beyond} is beyond the recorded end of the log.`,
  };
}

function checkEnd(check: ChainCheck, head: ChainEnd, hash: string): Fault | null {
  if (check.lastSeq !== head.seq || hash === head.hash) return null;
  return {
    seq: head.seq,
    reason: 'rewritten',
    message: `Entry ${head.seq} is not the recorded end of the log.`,
  };
}

function forgedHead(seq: number): Fault {
  return { seq, reason: 'forged_head', message: `The signature of the head at entry ${seq} is wrong.` };
}

/** Entry number 0, or the signed checkpoint of the retention. */
async function findStart(ctx: Ctx, tenantId: string): Promise<{ start: ChainEnd; fault: Fault | null }> {
  const row = await fetchCheckpoint(ctx.db, tenantId);
  if (row === null) return { start: { seq: 0, hash: NO_HASH }, fault: null };
  const statement = parseHead(row.statement);
  const start = { seq: row.seq, hash: statement?.hash ?? NO_HASH };
  const verdict = statement === null ? 'invalid' : ctx.notary.check(statement);
  const fits =
    statement?.kind === 'checkpoint' && statement.seq === row.seq && statement.tenant_id === tenantId;
  if (verdict === 'valid' && fits) return { start, fault: null };
  const why = verdict === 'unknown_key' ? 'a key that is not known here' : 'no valid signature';
  const message = `The checkpoint at entry ${row.seq} has ${why}.`;
  return { start, fault: { seq: row.seq + 1, reason: 'unsigned_start', message } };
}
