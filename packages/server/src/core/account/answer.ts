import type { Accepted } from '@holdfast/protocol';
import { DomainError } from '../errors.ts';
import type { OpenCtx } from './types.ts';

/** What is said whether or not the address has an account. */
export const ACCEPTED: Accepted = { message: 'If the address can be used, a mail is on its way to it.' };

/** A link that was used or expired looks like one that never was. */
export function linkExpired(): DomainError {
  return new DomainError('LINK_EXPIRED', undefined, { suggestion: 'Ask for a new link.' });
}

/** Does the work and answers no sooner than the floor: the time must not tell what the answer does not. */
export async function answerSteadily<T>(
  { clock, account }: Pick<OpenCtx, 'clock' | 'account'>,
  work: () => Promise<T>,
): Promise<T> {
  const { answerFloorMs } = account;
  if (answerFloorMs === 0) return work();
  const floor = new Promise<void>((resolve) => clock.after(answerFloorMs, resolve));
  const [outcome] = await Promise.allSettled([work(), floor]);
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}
