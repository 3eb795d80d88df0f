import { twoFactorCodeSchema, type BackupCodes, type TwoFactorCode } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireLogin } from '../identity/index.ts';
import { hashBackupCode, makeBackupCodes } from './backup-code.ts';
import { readProof } from './proof.ts';
import { replaceBackupCodes } from './queries.ts';
import { limitCodes, refuseCode } from './refuse.ts';
import { requireEnabled } from './state.ts';
import type { TwoFactorCtx } from './types.ts';

/**
 * Ten new backup codes; the earlier ones, used or not, are worth nothing any more.
 * @throws DomainError FORBIDDEN unless a user is logged in; VALIDATION_ERROR, also for a wrong code;
 *   RESOURCE_CONFLICT when no second factor is enabled; RATE_LIMIT
 */
export async function regenerateBackupCodes(ctx: TwoFactorCtx, input: TwoFactorCode): Promise<BackupCodes> {
  const { userId } = requireLogin(ctx);
  const given = twoFactorCodeSchema.parse(input);
  const factor = await requireEnabled(ctx.db, userId);
  await limitCodes(ctx, userId);
  const proof = await readProof(ctx, { userId, factor, given });
  const codes = makeBackupCodes();
  const replaced = await ctx.db.transaction(async (tx) => {
    if (!(await proof.claim(tx))) return false;
    await replaceBackupCodes(tx, userId, codes.map(hashBackupCode));
    await recordAudit(tx, auditor(ctx), {
      action: 'backup_codes.regenerated',
      targets: [{ type: 'user', id: userId }],
    });
    return true;
  });
  if (!replaced) throw await refuseCode(ctx, userId, { method: 'totp', field: 'code' });
  return { backup_codes: codes };
}
