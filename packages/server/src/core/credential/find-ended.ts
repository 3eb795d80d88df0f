import type { Principal, Services } from '../context.ts';
import { findEndedGuests } from '../guest/index.ts';
import { findEnded as findEndedIdentities } from '../identity/index.ts';
import { together } from '../together.ts';

/** Which of those who were let in earlier would not be now, whatever they showed. */
export async function findEnded(
  services: Pick<Services, 'db' | 'clock'>,
  principals: Iterable<Principal>,
): Promise<Set<Principal>> {
  const all = [...principals];
  const [identities, guests] = await together([
    findEndedIdentities(services, all),
    findEndedGuests(services, all),
  ]);
  return new Set([...identities, ...guests]);
}
