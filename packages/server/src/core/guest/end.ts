import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import { guestIdOf } from './find-ended.ts';
import { deleteGuest } from './queries.ts';

/** Ends the caller's own guest session at once. @throws FORBIDDEN for whoever is no guest */
export async function endGuest({ db, principal }: Pick<Ctx, 'db' | 'principal'>): Promise<void> {
  if (principal.kind !== 'guest') throw new DomainError('FORBIDDEN', 'Only a guest can end a guest session.');
  await deleteGuest(db, principal.tenantId, guestIdOf(principal.actor));
}
