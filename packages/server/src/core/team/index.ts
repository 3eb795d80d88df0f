export { acceptInvitation, type Invitee } from './accept-invitation.ts';
export { changeMemberRole } from './change-role.ts';
export { createTeam } from './create.ts';
export { listInvitations, revokeInvitation } from './invitations.ts';
export { createInvitation } from './invite.ts';
export { getTeam, listMembers, listTeams } from './read.ts';
export { removeMember } from './remove-member.ts';
export { updateTeam } from './update.ts';
export { viewInvitation } from './view-invitation.ts';
