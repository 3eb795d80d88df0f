import type { RevokedSessions } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { notFound } from '../errors.ts';
import type { Tx } from '../ports.ts';
import { requireLogin } from './require-login.ts';
import { updateLoginsRevoked } from './login-queries.ts';

/** Ends the login that this request belongs to: its tokens are refused from now on. @throws FORBIDDEN */
export async function logout(ctx: Ctx): Promise<void> {
  const { userId, loginId } = requireLogin(ctx);
  const now = new Date(ctx.clock.now());
  await ctx.db.transaction(async (tx) => {
    const [id] = await updateLoginsRevoked(tx, userId, { only: loginId, now });
    if (id === undefined) return;
    await recordAudit(tx, auditor(ctx), { action: 'logout', targets: [{ type: 'login', id }] });
  });
}

/** Ends a login of the caller's own. @throws FORBIDDEN; NOT_FOUND, also for another user's and one that ended */
export async function revokeLogin(ctx: Ctx, id: string): Promise<void> {
  const { userId } = requireLogin(ctx);
  if ((await endLogins(ctx, userId, { only: id })) === 0) throw notFound('Login');
}

/** Ends all logins of the caller but this one. @throws FORBIDDEN */
export async function revokeOtherLogins(ctx: Ctx): Promise<RevokedSessions> {
  const { userId, loginId } = requireLogin(ctx);
  return { revoked: await endLogins(ctx, userId, { except: loginId }) };
}

/**
 * Ends the logins of one user in the caller's transaction, all or all but one; recording it is the caller's.
 * @returns how many
 */
export async function revokeUserLogins(
  tx: Tx,
  userId: string,
  which: { except?: string; now: Date },
): Promise<number> {
  return (await updateLoginsRevoked(tx, userId, which)).length;
}

async function endLogins(
  ctx: Ctx,
  userId: string,
  which: { only: string } | { except: string },
): Promise<number> {
  const now = new Date(ctx.clock.now());
  return ctx.db.transaction(async (tx) => {
    const ids = await updateLoginsRevoked(tx, userId, { ...which, now });
    if (ids.length === 0) return 0;
    const targets = ids.map((id) => ({ type: 'login', id }));
    await recordAudit(tx, auditor(ctx), { action: 'login.revoked', targets });
    return ids.length;
  });
}
