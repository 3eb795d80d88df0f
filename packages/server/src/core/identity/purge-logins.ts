import type { Services } from '../context.ts';
import { deleteEndedLogins } from './login-queries.ts';

/** Forgets logins that expired or were revoked; the audit log keeps what they did. @returns how many */
export function purgeLogins({ db, clock }: Pick<Services, 'db' | 'clock'>): Promise<number> {
  return deleteEndedLogins(db, new Date(clock.now()));
}
