import { addressSchema, type Accepted, type Address } from '@holdfast/protocol';
import { queueMail } from '../mail/index.ts';
import { ACCEPTED, answerSteadily } from './answer.ts';
import { limitByAddress } from './limit.ts';
import { makeLink } from './link.ts';
import { findUserByEmail, insertLinkToken } from './queries.ts';
import type { OpenCtx } from './types.ts';

/**
 * Mails another link to an address that is not proven yet. The answer is the same for any address.
 * @throws DomainError VALIDATION_ERROR; RATE_LIMIT
 */
export async function resendVerification(ctx: OpenCtx, input: Address): Promise<Accepted> {
  const { email } = addressSchema.parse(input);
  await limitByAddress(ctx, 'verify_email', email);
  return answerSteadily(ctx, async () => {
    await ctx.db.transaction(async (tx) => {
      const user = await findUserByEmail(tx, email);
      if (user === null || user.email_verified) return;
      const { url, token, hash, expiresAt } = makeLink(
        'verify_email',
        ctx.settings.publicUrl,
        ctx.clock.now(),
      );
      await insertLinkToken(tx, { hash, userId: user.id, purpose: 'verify_email', expiresAt });
      const variables = { name: user.name, url, token };
      await queueMail(tx, { to: user.email, template: 'verify_email', variables });
    });
    return ACCEPTED;
  });
}
