import type { Services } from '../context.ts';
import { deleteEnded } from './queries.ts';

/** Forgets counters that have run out, and overrides and blocks that ended a month ago. @returns how many */
export async function purgeLimits({ db, limits }: Pick<Services, 'db' | 'limits'>): Promise<number> {
  const [counters, rows] = await Promise.all([limits.purge(), deleteEnded(db)]);
  return counters + rows;
}
