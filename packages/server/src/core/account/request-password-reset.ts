import { addressSchema, type Accepted, type Address } from '@holdfast/protocol';
import { recordAudit, SYSTEM_TENANT } from '../audit/index.ts';
import { queueMail } from '../mail/index.ts';
import type { Tx } from '../ports.ts';
import { ACCEPTED, answerSteadily } from './answer.ts';
import { auditorOf } from './auditor.ts';
import { limitByAddress } from './limit.ts';
import { makeLink } from './link.ts';
import { findUserByEmail, insertLinkToken } from './queries.ts';
import type { OpenCtx } from './types.ts';

const ACTION = 'password.reset_requested';

/**
 * Mails a link that lets its reader choose a new password, once and within an hour.
 * The answer is the same for an address without an account.
 * @throws DomainError VALIDATION_ERROR; RATE_LIMIT
 */
export async function requestPasswordReset(ctx: OpenCtx, input: Address): Promise<Accepted> {
  const { email } = addressSchema.parse(input);
  await limitByAddress(ctx, 'password_reset', email);
  return answerSteadily(ctx, async () => {
    await ctx.db.transaction((tx) => mailLink(ctx, tx, email));
    return ACCEPTED;
  });
}

async function mailLink(ctx: OpenCtx, tx: Tx, email: string): Promise<void> {
  const { client, clock, requestId, settings } = ctx;
  const user = await findUserByEmail(tx, email);
  if (user === null) {
    const stranger = { tenantId: SYSTEM_TENANT, actor: 'anonymous', client, requestId };
    await recordAudit(tx, stranger, { action: ACTION, targets: [], outcome: 'failure' });
    return;
  }
  const { url, token, hash, expiresAt } = makeLink('password_reset', settings.publicUrl, clock.now());
  await insertLinkToken(tx, { hash, userId: user.id, purpose: 'password_reset', expiresAt });
  const variables = { name: user.name, url, token };
  await queueMail(tx, { to: user.email, template: 'password_reset', variables });
  const targets = [{ type: 'user', id: user.id }];
  await recordAudit(tx, await auditorOf(ctx, tx, user.id, 'anonymous'), { action: ACTION, targets });
}
