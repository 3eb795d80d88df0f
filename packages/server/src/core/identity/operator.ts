import { requireScope, type Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import { findHomeRole } from './seat-queries.ts';

/**
 * The operator of an installation is an owner of its first tenant, logged in to it: API keys do not count, as any
 * admin can make them. For what belongs to no tenant.
 * @throws FORBIDDEN
 */
export async function requireOperator(ctx: Ctx): Promise<void> {
  requireScope(ctx, 'admin');
  const { kind, tenantId, userId } = ctx.principal;
  const role = kind === 'user' && userId !== null ? await findHomeRole(ctx.db, tenantId, userId) : null;
  if (role !== 'owner') {
    throw new DomainError('FORBIDDEN', 'Only an owner of the first team of this installation may do this.');
  }
}
