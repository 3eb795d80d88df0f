import { switchTenantSchema, type Access, type SwitchTenant } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { requireLogin } from './require-login.ts';
import { updateLoginTenant } from './login-queries.ts';
import { findSeat } from './seat.ts';
import type { IdentityServices } from './types.ts';

/**
 * A token of the same login for another team of the user; the next refresh gives one for that team too.
 * It ends when the shown token would: only a refresh makes a login last longer.
 * @throws FORBIDDEN without a login; NOT_FOUND for a team the user is not in; VALIDATION_ERROR
 */
export async function switchTenant(
  ctx: Ctx & Pick<IdentityServices, 'tokens'>,
  input: SwitchTenant,
): Promise<Access> {
  const { userId, loginId } = requireLogin(ctx);
  const { tenant_id } = switchTenantSchema.parse(input);
  const { user, tenant } = await findSeat(ctx.db, userId, tenant_id);
  const notAfter = ctx.principal.expiresAt ?? ctx.clock.now();
  const access = await ctx.tokens.issue({ userId, tenantId: tenant.id, loginId, notAfter });
  await ctx.db.transaction(async (tx) => {
    await updateLoginTenant(tx, loginId, tenant.id);
    await recordAudit(
      tx,
      { ...auditor(ctx), tenantId: tenant.id },
      {
        action: 'login.succeeded',
        targets: [{ type: 'login', id: loginId }],
        details: { method: 'switch_tenant', from_tenant_id: ctx.principal.tenantId },
      },
    );
  });
  return {
    accessToken: access.token,
    expiresAt: new Date(access.expiresAt).toISOString(),
    user,
    tenantId: tenant.id,
    tenantName: tenant.name,
  };
}
