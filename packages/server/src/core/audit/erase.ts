import type { Tx } from '../ports.ts';
import { deleteSubjects } from './queries.ts';

/**
 * Makes everything personal that the log holds about a user unreadable, in every tenant's chain: addresses, clients,
 * names, e-mails. The entries stay with the user's id and their hashes; exports and backups made before are as they were.
 * @param emails addresses known of the user: failed logins name nothing else
 * @returns how many keys were destroyed
 */
export function eraseSubject(
  tx: Tx,
  { userId, emails }: { userId: string; emails: readonly string[] },
): Promise<number> {
  const addresses = emails.map((email) => `email:${email.toLowerCase()}`);
  return deleteSubjects(tx, [`user:${userId}`, ...addresses]);
}
