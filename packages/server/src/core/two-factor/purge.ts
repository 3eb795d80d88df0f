import type { Services } from '../context.ts';
import { deleteExpiredChallenges } from './challenge-queries.ts';

/** Forgets second steps of logins that nobody took in time. @returns how many */
export function purgeChallenges({ db, clock }: Pick<Services, 'db' | 'clock'>): Promise<number> {
  return deleteExpiredChallenges(db, new Date(clock.now()));
}
