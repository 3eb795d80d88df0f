import { DomainError } from '../errors.ts';
import type { LogHead } from './types.ts';

/** @throws CURSOR_AHEAD, CURSOR_GONE with where the log begins and ends. */
export function checkCursor(head: LogHead, after: number): void {
  const details = { last_seq: head.lastSeq, min_seq: head.minSeq, log_epoch: head.epoch };
  if (after > head.lastSeq) throw new DomainError('CURSOR_AHEAD', undefined, { details });
  if (after < head.minSeq - 1) throw new DomainError('CURSOR_GONE', undefined, { details });
}
