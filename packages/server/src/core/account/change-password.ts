import { changePasswordSchema, type ChangePassword, type PasswordChanged } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import { invalid, notFound } from '../errors.ts';
import { checkNewPassword, requireLogin } from '../identity/index.ts';
import { limitPasswords } from './limit.ts';
import { findUser, lockUser } from './queries.ts';
import { replacePassword } from './replace-password.ts';
import type { AccountCtx } from './types.ts';

/**
 * Replaces the caller's password. Their other logins end, this one goes on.
 * @throws DomainError FORBIDDEN unless a user is logged in; VALIDATION_ERROR, also when the current one is wrong;
 *   RATE_LIMIT
 */
export async function changePassword(ctx: AccountCtx, input: ChangePassword): Promise<PasswordChanged> {
  const { userId, loginId } = requireLogin(ctx);
  const { current_password: current, new_password: password } = changePasswordSchema.parse(input);
  const user = await findUser(ctx.db, userId);
  if (user === null) throw notFound('User');
  await limitPasswords(ctx, user.email);
  if (!(await ctx.accounts.verifyPasswordOf(userId, current))) {
    throw invalid('current_password', 'is not the current password');
  }
  if (password === current) throw invalid('new_password', 'must be another one');
  await checkNewPassword(ctx.accounts, { password, email: user.email, field: 'new_password' });
  const passwordHash = await ctx.accounts.hashPassword(password);
  return ctx.db.transaction(async (tx) => {
    await lockUser(tx, userId);
    const revoked = await replacePassword(ctx, tx, { user, passwordHash, keepLoginId: loginId });
    await recordAudit(tx, auditor(ctx), {
      action: 'password.changed',
      targets: [{ type: 'user', id: userId }],
      details: { revoked_logins: revoked },
    });
    return { revoked_logins: revoked };
  });
}
