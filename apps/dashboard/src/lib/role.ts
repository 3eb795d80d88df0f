import type { TeamRole } from '@holdfast/protocol';

/** From the most to the least powerful. */
export const ROLES: readonly TeamRole[] = ['owner', 'admin', 'member', 'read_only'];

export const ROLE_NAMES: Readonly<Record<TeamRole, string>> = {
  owner: 'Owner',
  admin: 'Admin',
  member: 'Member',
  read_only: 'Read only',
};

/** Owners and admins manage a team, its keys and its settings. */
export function manages(role: TeamRole | null | undefined): boolean {
  return role === 'owner' || role === 'admin';
}
