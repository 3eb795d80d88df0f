import { DomainError, notFound } from '../errors.ts';
import type { Queryable } from '../ports.ts';
import { isId } from '../wire.ts';
import { selectSeat, type Seat } from './seat-queries.ts';

/**
 * The user in that team, or in the one joined first.
 * @throws DomainError NOT_FOUND when the user is not in `tenantId`, UNAUTHORIZED when in no team at all
 */
export async function findSeat(db: Queryable, userId: string, tenantId?: string): Promise<Seat> {
  if (tenantId !== undefined && !isId(tenantId)) throw notFound('Team');
  const seat = await selectSeat(db, userId, tenantId);
  if (seat !== null) return seat;
  if (tenantId !== undefined) throw notFound('Team');
  throw new DomainError('UNAUTHORIZED', 'This user is in no team.');
}
