import {
  confirmPasswordResetSchema,
  type ConfirmPasswordReset,
  type PasswordChanged,
} from '@holdfast/protocol';
import { recordAudit } from '../audit/index.ts';
import { checkNewPassword } from '../identity/index.ts';
import { linkExpired } from './answer.ts';
import { auditorOf } from './auditor.ts';
import { limitByCaller } from './limit.ts';
import { hashLinkToken } from './link.ts';
import { findTokenUser, lockUser, revokeKeysOf, spendToken, updateVerified } from './queries.ts';
import { replacePassword } from './replace-password.ts';
import type { OpenCtx } from './types.ts';

/**
 * Sets a new password for who can read the user's mail; that proves the address as well.
 * Every login of the user ends; where the address was not proven before, so do the API keys they made.
 * A second factor stays, and is asked for at the next login.
 * @throws DomainError LINK_EXPIRED when the token was used, has expired or never was; VALIDATION_ERROR; RATE_LIMIT
 */
export async function confirmPasswordReset(
  ctx: OpenCtx,
  input: ConfirmPasswordReset,
): Promise<PasswordChanged> {
  const { token, password } = confirmPasswordResetSchema.parse(input);
  await limitByCaller(ctx, 'password_reset');
  const now = new Date(ctx.clock.now());
  const link = { hash: hashLinkToken(token), purpose: 'password_reset', now } as const;
  const user = await findTokenUser(ctx.db, link);
  if (user === null) throw linkExpired();
  await checkNewPassword(ctx.accounts, { password, email: user.email });
  const passwordHash = await ctx.accounts.hashPassword(password);
  return ctx.db.transaction(async (tx) => {
    await lockUser(tx, user.id);
    if (!(await spendToken(tx, { ...link, userId: user.id }))) throw linkExpired();
    // Until now nobody had proven the address: what was made meanwhile may be a stranger's.
    const revokedKeys = user.email_verified ? 0 : await revokeKeysOf(tx, user.id, now);
    await updateVerified(tx, user.id);
    const revoked = await replacePassword(ctx, tx, { user, passwordHash });
    await recordAudit(tx, await auditorOf(ctx, tx, user.id, `user:${user.id}`), {
      action: 'password.reset',
      targets: [{ type: 'user', id: user.id }],
      details: { revoked_logins: revoked, revoked_keys: revokedKeys },
    });
    return { revoked_logins: revoked };
  });
}
