import type { Invitation, InvitationView } from '@holdfast/protocol';
import type { Services } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Queryable } from '../ports.ts';
import { findByToken } from './invitation-queries.ts';
import { hashInvitationToken } from './invitation-token.ts';
import { fetchTeam } from './queries.ts';
import { findUserByEmail, findUserName } from './user-queries.ts';

/**
 * What the link shows before anybody has logged in.
 * @throws NOT_FOUND for an unknown token; LINK_EXPIRED for one that is used, revoked or too old
 */
export async function viewInvitation({ db }: Pick<Services, 'db'>, token: string): Promise<InvitationView> {
  const { teamId, invitation } = await fetchOpenInvitation(db, token);
  const team = await fetchTeam(db, teamId, null);
  return {
    team_name: team.name,
    inviter: (await findUserName(db, invitation.invited_by)) ?? 'A former member',
    email: maskEmail(invitation.email),
    role: invitation.role,
    has_account: (await findUserByEmail(db, invitation.email)) !== null,
    expires_at: invitation.expires_at,
  };
}

/** @throws NOT_FOUND, LINK_EXPIRED */
export async function fetchOpenInvitation(
  db: Queryable,
  token: string,
): Promise<{ teamId: string; invitation: Invitation }> {
  const hash = hashInvitationToken(token);
  const found = hash === null ? null : await findByToken(db, hash);
  if (found === null) throw notFound('Invitation');
  if (found.invitation.status !== 'pending') {
    throw new DomainError('LINK_EXPIRED', 'This invitation was used, replaced or withdrawn, or is too old.', {
      suggestion: 'Ask an owner or admin of the team to invite you again.',
    });
  }
  return found;
}

/** `j***@example.com` */
function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  return `${email.slice(0, 1)}***${email.slice(at)}`;
}
