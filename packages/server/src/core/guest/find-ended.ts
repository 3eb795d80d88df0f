import type { Principal, Services } from '../context.ts';
import { findLiveGuests } from './queries.ts';

/** Which of those guests would not be let in now: they left, or their project takes no guests any more. */
export async function findEndedGuests(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  principals: Iterable<Principal>,
): Promise<Set<Principal>> {
  const guests = [...principals].filter(({ kind }) => kind === 'guest');
  if (guests.length === 0) return new Set();
  const ids = guests.map(({ actor }) => guestIdOf(actor));
  const live = await findLiveGuests(db, ids, new Date(clock.now()));
  return new Set(guests.filter(({ actor }) => !live.has(guestIdOf(actor))));
}

/** @param actor `guest:<id>` */
export function guestIdOf(actor: string): string {
  return actor.slice('guest:'.length);
}
