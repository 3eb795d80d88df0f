import { updateMemberSchema, type TeamMember, type UpdateMember } from '@holdfast/protocol';
import { recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { requireMatch } from '../precondition.ts';
import {
  isBelow,
  openTeamLocked,
  requireManager,
  requireOtherOwner,
  requireReach,
  teamAuditor,
} from './access.ts';
import { revokeInvitationsBy } from './invitation-queries.ts';
import { fetchMember, updateMemberRole } from './queries.ts';

/**
 * Gives a member another role, from their next request on. Who is lowered loses the invitations they sent.
 * @throws NOT_FOUND; FORBIDDEN; RESOURCE_CONFLICT when the team would be without an owner
 */
export async function changeMemberRole(
  ctx: Ctx,
  { teamId, userId }: { teamId: string; userId: string },
  input: UpdateMember,
): Promise<TeamMember> {
  const { role } = updateMemberSchema.parse(input);
  return ctx.db.transaction(async (tx) => {
    const access = await openTeamLocked(tx, ctx, teamId);
    requireManager(ctx, access);
    const member = await fetchMember(tx, teamId, userId);
    requireMatch(ctx, member);
    requireReach(access, member.role, role);
    if (member.role === role) return member;
    if (member.role === 'owner') await requireOtherOwner(tx, teamId, userId);
    await updateMemberRole(tx, teamId, userId, role);
    const revoked = isBelow(role, member.role) ? await revokeInvitationsBy(tx, teamId, userId) : 0;
    await recordAudit(tx, teamAuditor(ctx, teamId), {
      action: 'member.role_changed',
      targets: [{ type: 'user', id: userId, name: member.name }],
      before: { role: member.role },
      after: { role },
      details: { revoked_invitations: revoked },
    });
    return { ...member, role };
  });
}
