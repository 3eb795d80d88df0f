import { twoFactorCodeSchema, type BackupCodes, type TwoFactorCode } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import { DomainError } from '../errors.ts';
import { requireLogin } from '../identity/index.ts';
import { hashBackupCode, makeBackupCodes } from './backup-code.ts';
import { findFactor, replaceBackupCodes, updateFactorEnabled } from './queries.ts';
import { limitCodes, refuseCode } from './refuse.ts';
import { alreadyEnabled } from './state.ts';
import type { TwoFactorCtx } from './types.ts';

/**
 * Turns the second factor on, once a code shows that the app has the secret. From now on a login needs it.
 * @returns the backup codes, this once
 * @throws DomainError FORBIDDEN unless a user is logged in; VALIDATION_ERROR, also for a wrong code;
 *   RESOURCE_CONFLICT when nothing is set up or it is enabled already; RATE_LIMIT
 */
export async function enableTwoFactor(ctx: TwoFactorCtx, input: TwoFactorCode): Promise<BackupCodes> {
  const { userId } = requireLogin(ctx);
  const { code } = twoFactorCodeSchema.parse(input);
  const factor = await findFactor(ctx.db, userId);
  if (factor === null) throw new DomainError('RESOURCE_CONFLICT', 'Set a second factor up first.');
  if (factor.enabled_at !== null) throw alreadyEnabled();
  await limitCodes(ctx, userId);
  const sealed = factor.sealed_secret;
  const step = await ctx.authenticators.findStep({ userId, sealed, code, now: ctx.clock.now() });
  if (step === null) throw await refuseCode(ctx, userId, { method: 'totp', field: 'code' });
  const codes = makeBackupCodes();
  await ctx.db.transaction(async (tx) => {
    const now = new Date(ctx.clock.now());
    if (!(await updateFactorEnabled(tx, { id: factor.id, step, now }))) throw alreadyEnabled();
    await replaceBackupCodes(tx, userId, codes.map(hashBackupCode));
    await recordAudit(tx, auditor(ctx), {
      action: 'two_factor.enabled',
      targets: [{ type: 'user', id: userId }],
      before: { two_factor: false },
      after: { two_factor: true },
    });
  });
  return { backup_codes: codes };
}
