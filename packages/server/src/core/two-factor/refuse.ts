import { auditor, recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { invalid, type DomainError } from '../errors.ts';
import type { Proof } from './proof.ts';

/**
 * Counts one code of that user, right or wrong, wherever it is given.
 * @throws DomainError RATE_LIMIT
 */
export async function limitCodes(
  { limits, client, requestId }: Pick<Ctx, 'limits' | 'client' | 'requestId'>,
  userId: string,
): Promise<void> {
  await limits.use({ policy: 'two_factor', subject: `user:${userId}`, client, requestId });
}

/** Records a wrong code of a user who is logged in. @returns what to throw */
export async function refuseCode(
  ctx: Ctx,
  userId: string,
  { method, field }: { method: Proof['method']; field: 'code' | 'backup_code' },
): Promise<DomainError> {
  await ctx.db.transaction((tx) =>
    recordAudit(tx, auditor(ctx), {
      action: 'two_factor.failed',
      targets: [{ type: 'user', id: userId }],
      outcome: 'failure',
      details: { method },
    }),
  );
  return invalid(field, 'is wrong, or was used already');
}
