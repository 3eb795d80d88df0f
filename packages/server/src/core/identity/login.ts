import { loginSchema, type Login, type LoginInput } from '@holdfast/protocol';
import { recordAudit, SYSTEM_TENANT } from '../audit/index.ts';
import { DomainError } from '../errors.ts';
import { issueLogin } from './issue-login.ts';
import { findFailedLoginTarget } from './seat-queries.ts';
import { findSeat } from './seat.ts';
import { challengeFor } from './second-factor.ts';
import type { IdentityServices, Origin } from './types.ts';
import { refuseUnverified } from './verified-email.ts';

/**
 * Exchanges e-mail and password for a token of a team: the one asked for, or the one the user joined first.
 * @throws DomainError UNAUTHORIZED, the same for an unknown e-mail and a wrong password; TWO_FACTOR_REQUIRED
 *   with a challenge as details; EMAIL_NOT_VERIFIED where that is asked for; NOT_FOUND for a team the user is not
 *   in; RATE_LIMIT; VALIDATION_ERROR
 */
export async function login(
  services: IdentityServices,
  input: LoginInput,
  origin: Origin = {},
): Promise<Login> {
  const { email, password, tenant_id: tenantId } = loginSchema.parse(input);
  await countAttempt(services, email.toLowerCase(), origin);
  const user = await services.accounts.verifyPassword(email, password);
  if (user === null) {
    await recordFailure(services, email, origin);
    throw new DomainError('UNAUTHORIZED', 'The e-mail or the password is wrong.');
  }
  // Before the challenge: a team that is not the user's should not cost a code.
  await findSeat(services.db, user.id, tenantId);
  await refuseUnverified(services, user.id);
  const challenge = await challengeFor(services, user.id, tenantId);
  if (challenge !== null) throw new DomainError('TWO_FACTOR_REQUIRED', undefined, { details: challenge });
  return issueLogin(services, { userId: user.id, tenantId, ...origin });
}

/** By address and e-mail, then by e-mail alone: the passwords of one user can be tried from many addresses. */
async function countAttempt({ limits }: IdentityServices, email: string, origin: Origin): Promise<void> {
  const ip = origin.client?.ip ?? 'unknown';
  await limits.use({ policy: 'login', subject: `ip:${ip} email:${email}`, ...origin });
  await limits.use({ policy: 'login_account', subject: `email:${email}`, ...origin });
}

/** In the log of the team the user joined first; of an unknown e-mail, in that of the installation. */
async function recordFailure({ db }: IdentityServices, email: string, origin: Origin): Promise<void> {
  const { userId, tenantId } = await findFailedLoginTarget(db, email);
  const target = userId === null ? { type: 'email', id: email } : { type: 'user', id: userId, name: email };
  await db.transaction((tx) =>
    recordAudit(
      tx,
      { tenantId: tenantId ?? SYSTEM_TENANT, actor: 'anonymous', ...origin },
      { action: 'login.failed', targets: [target], outcome: 'failure' },
    ),
  );
}
