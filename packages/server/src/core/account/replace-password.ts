import { deleteChallenges, revokeUserLogins } from '../identity/index.ts';
import { queueMail } from '../mail/index.ts';
import type { Tx } from '../ports.ts';
import { spendTokens, type User } from './queries.ts';
import type { OpenCtx } from './types.ts';

interface Replacement {
  user: Pick<User, 'id' | 'email' | 'name'>;
  passwordHash: string;
  /** The login that goes on. */
  keepLoginId?: string;
}

/**
 * Everything that the old password opened closes with it: logins, half-finished logins, mailed reset links.
 * @returns how many logins ended
 */
export async function replacePassword(
  ctx: Pick<OpenCtx, 'accounts' | 'clock'>,
  tx: Tx,
  { user, passwordHash, keepLoginId }: Replacement,
): Promise<number> {
  const now = new Date(ctx.clock.now());
  await ctx.accounts.setPassword(tx, user.id, passwordHash);
  const revoked = await revokeUserLogins(tx, user.id, { except: keepLoginId, now });
  await deleteChallenges(tx, user.id);
  await spendTokens(tx, user.id, 'password_reset', now);
  await queueMail(tx, { to: user.email, template: 'password_changed', variables: { name: user.name } });
  return revoked;
}
