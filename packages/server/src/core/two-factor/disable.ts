import { disableTwoFactorSchema, type DisableTwoFactor, type TwoFactorStatus } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import { invalid } from '../errors.ts';
import { deleteChallenges, requireLogin } from '../identity/index.ts';
import { readProof } from './proof.ts';
import { deleteFactor } from './queries.ts';
import { limitCodes, refuseCode } from './refuse.ts';
import { getTwoFactor, requireEnabled } from './state.ts';
import type { TwoFactorCtx } from './types.ts';

/**
 * Turns the second factor off: its secret and backup codes are gone. Takes both factors, as a login does;
 * a backup code serves whoever lost the app.
 * @throws DomainError FORBIDDEN unless a user is logged in; VALIDATION_ERROR, also for a wrong password or code;
 *   RESOURCE_CONFLICT when none is enabled; RATE_LIMIT
 */
export async function disableTwoFactor(ctx: TwoFactorCtx, input: DisableTwoFactor): Promise<TwoFactorStatus> {
  const { userId } = requireLogin(ctx);
  const { password, ...given } = disableTwoFactorSchema.parse(input);
  const factor = await requireEnabled(ctx.db, userId);
  await limitCodes(ctx, userId);
  if (!(await ctx.accounts.verifyPasswordOf(userId, password))) throw invalid('password', 'is wrong');
  const proof = await readProof(ctx, { userId, factor, given });
  const disabled = await ctx.db.transaction(async (tx) => {
    if (!(await proof.claim(tx))) return false;
    await deleteFactor(tx, userId);
    await deleteChallenges(tx, userId);
    await recordAudit(tx, auditor(ctx), {
      action: 'two_factor.disabled',
      targets: [{ type: 'user', id: userId }],
      before: { two_factor: true },
      after: { two_factor: false },
      details: { method: proof.method },
    });
    return true;
  });
  if (!disabled) {
    const field = proof.method === 'totp' ? 'code' : 'backup_code';
    throw await refuseCode(ctx, userId, { method: proof.method, field });
  }
  return getTwoFactor(ctx);
}
