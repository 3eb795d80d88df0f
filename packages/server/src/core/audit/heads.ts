import { signedHeadSchema, type SignedHead } from '@holdfast/protocol';

/** Signed: entry `seq` has this hash. */
export interface Mark {
  seq: number;
  hash: string;
  time: string;
}

export interface Marks {
  /** By rising `seq`. */
  marks: Mark[];
  /** Heads of keys that are not known. */
  skipped: number;
  /** Heads that say the log went on from an older state. */
  reseals: number;
  /** A head whose signature is wrong: the file of heads was tampered with. */
  forged: SignedHead | null;
}

export type CheckHead = (head: SignedHead) => 'valid' | 'invalid' | 'unknown_key';

/** @returns null for what is no head */
export function parseHead(line: unknown): SignedHead | null {
  const parsed = signedHeadSchema.safeParse(line);
  return parsed.success ? parsed.data : null;
}

/** What the heads of one chain, in the order they were written, still say about it. */
export async function collectMarks(
  lines: AsyncIterable<unknown>,
  tenantId: string,
  check: CheckHead,
): Promise<Marks> {
  const result: Marks = { marks: [], skipped: 0, reseals: 0, forged: null };
  for await (const line of lines) {
    const head = parseHead(line);
    if (head !== null && head.tenant_id === tenantId) addHead(result, head, check(head));
  }
  result.marks.sort((a, b) => a.seq - b.seq);
  return result;
}

function addHead(result: Marks, head: SignedHead, verdict: ReturnType<CheckHead>): void {
  if (verdict === 'unknown_key') result.skipped += 1;
  else if (verdict === 'invalid') result.forged ??= head;
  else {
    if (head.kind === 'reseal') {
      const { after_seq = 0 } = head;
      result.marks = result.marks.filter(({ seq }) => seq <= after_seq);
      result.reseals += 1;
    }
    result.marks.push({ seq: head.seq, hash: head.hash, time: head.time });
  }
}
