import type { TeamMember } from '@holdfast/protocol';
import { recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import {
  openTeamLocked,
  requireManager,
  requireOtherOwner,
  requireReach,
  requireUser,
  teamAuditor,
} from './access.ts';
import { revokeInvitationsBy } from './invitation-queries.ts';
import { deleteMember, fetchMember } from './queries.ts';

/**
 * Takes a member out of the team, from their next request on, and their open invitations with them.
 * Everybody may take out themselves.
 * @returns the member as they were
 * @throws NOT_FOUND; FORBIDDEN; RESOURCE_CONFLICT when the team would be without an owner
 */
export async function removeMember(ctx: Ctx, teamId: string, userId: string): Promise<TeamMember> {
  return ctx.db.transaction(async (tx) => {
    const access = await openTeamLocked(tx, ctx, teamId);
    const leaves = requireUser(ctx) === userId;
    if (!leaves) requireManager(ctx, access);
    const member = await fetchMember(tx, teamId, userId);
    if (!leaves) requireReach(access, member.role);
    if (member.role === 'owner') await requireOtherOwner(tx, teamId, userId);
    await deleteMember(tx, teamId, userId);
    const revoked = await revokeInvitationsBy(tx, teamId, userId);
    await recordAudit(tx, teamAuditor(ctx, teamId), {
      action: 'member.removed',
      targets: [{ type: 'user', id: userId, name: member.name }],
      before: { role: member.role },
      details: { left: leaves, revoked_invitations: revoked },
    });
    return member;
  });
}
