import type { Services } from '../context.ts';
import { deleteEndedGuests } from './queries.ts';

/** Removes guest sessions that have ended. @returns how many */
export function purgeGuests({ db, clock }: Pick<Services, 'db' | 'clock'>): Promise<number> {
  return deleteEndedGuests(db, new Date(clock.now()));
}
