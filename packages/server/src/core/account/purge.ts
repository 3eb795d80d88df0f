import type { Services } from '../context.ts';
import { deleteExpiredTokens } from './queries.ts';

/** Forgets mailed links that have expired. @returns how many */
export function purgeLinks({ db, clock }: Pick<Services, 'db' | 'clock'>): Promise<number> {
  return deleteExpiredTokens(db, new Date(clock.now()));
}
