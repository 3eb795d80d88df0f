import type { Services } from '../context.ts';
import { deleteOldSignatures } from './queries.ts';

/** Forgets signatures that are too old to be taken again. @returns how many */
export function purgeSignatures({ db, clock }: Pick<Services, 'db' | 'clock'>): Promise<number> {
  return deleteOldSignatures(db, new Date(clock.now()));
}
