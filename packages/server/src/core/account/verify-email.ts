import { verifyEmailSchema, type VerifiedEmail, type VerifyEmail } from '@holdfast/protocol';
import { recordAudit } from '../audit/index.ts';
import { linkExpired } from './answer.ts';
import { auditorOf } from './auditor.ts';
import { hashLinkToken } from './link.ts';
import { findTokenUser, lockUser, spendToken, updateVerified } from './queries.ts';
import type { OpenCtx } from './types.ts';

/**
 * Takes the token of a mailed link as proof of the address. Not limited by itself: of 256 random bits none is
 * guessed, and many people may prove theirs from one network.
 * @throws DomainError LINK_EXPIRED when it was used, has expired or never was; VALIDATION_ERROR
 */
export async function verifyEmail(ctx: OpenCtx, input: VerifyEmail): Promise<VerifiedEmail> {
  const { token } = verifyEmailSchema.parse(input);
  const link = {
    hash: hashLinkToken(token),
    purpose: 'verify_email',
    now: new Date(ctx.clock.now()),
  } as const;
  return ctx.db.transaction(async (tx) => {
    const user = await findTokenUser(tx, link);
    if (user === null) throw linkExpired();
    await lockUser(tx, user.id);
    if (!(await spendToken(tx, { ...link, userId: user.id }))) throw linkExpired();
    await updateVerified(tx, user.id);
    await recordAudit(tx, await auditorOf(ctx, tx, user.id, `user:${user.id}`), {
      action: 'email.verified',
      targets: [{ type: 'user', id: user.id }],
      before: { email_verified: user.email_verified },
      after: { email_verified: true },
    });
    return { email: user.email, email_verified: true };
  });
}
