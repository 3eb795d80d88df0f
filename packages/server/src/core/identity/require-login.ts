import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';

/**
 * The login that this request belongs to. A key, or a service acting for somebody, has none.
 * @throws FORBIDDEN
 */
export function requireLogin({ principal }: Pick<Ctx, 'principal'>): { userId: string; loginId: string } {
  const { kind, userId, loginId } = principal;
  if (kind === 'user' && userId !== null && loginId !== undefined) return { userId, loginId };
  throw new DomainError('FORBIDDEN', 'Only a user who is logged in may do that.');
}
