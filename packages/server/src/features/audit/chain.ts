import type { AuditChain } from '@holdfast/protocol';
import { SYSTEM_TENANT } from '../../core/audit/index.ts';
import { requireScope, type Ctx } from '../../core/context.ts';
import { requireOperator } from '../../core/identity/index.ts';

/** The chain a caller may read. @throws FORBIDDEN without `admin`, and for `system` to all but an operator */
export async function resolveChain(ctx: Ctx, chain: AuditChain): Promise<string> {
  requireScope(ctx, 'admin');
  if (chain === 'tenant') return ctx.principal.tenantId;
  await requireOperator(ctx);
  return SYSTEM_TENANT;
}
