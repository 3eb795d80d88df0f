import type { TwoFactorSetup } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { notFound } from '../errors.ts';
import { requireLogin, requireVerified } from '../identity/index.ts';
import { findFactor, findLabel, putPendingFactor } from './queries.ts';
import { alreadyEnabled } from './state.ts';
import type { TwoFactorCtx } from './types.ts';

/**
 * A new secret for the caller's authenticator app; an earlier one that was not enabled is worth nothing any more.
 * The login goes on as before until a code of it is given to `enableTwoFactor`.
 * @throws DomainError FORBIDDEN unless a user is logged in; EMAIL_NOT_VERIFIED, so that nobody locks the owner of
 *   an address out; RESOURCE_CONFLICT when a second factor is enabled
 */
export async function setUpTwoFactor(ctx: TwoFactorCtx): Promise<TwoFactorSetup> {
  const { userId } = requireLogin(ctx);
  await requireVerified(ctx.db, userId);
  const label = await findLabel(ctx.db, userId);
  if (label === null) throw notFound('User');
  const factor = await findFactor(ctx.db, userId);
  if (factor !== null && factor.enabled_at !== null) throw alreadyEnabled();
  const { secret, uri, qrSvg, sealed } = await ctx.authenticators.create(userId, label);
  if (!(await putPendingFactor(ctx.db, { userId, id: newId(), sealed }))) throw alreadyEnabled();
  return { secret, otpauth_uri: uri, qr_svg: qrSvg };
}
