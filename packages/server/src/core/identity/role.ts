import { SCOPES, type Scope } from '../context.ts';
import type { Tables } from '../tables.ts';

export type MemberRole = Tables['memberships']['role'];

const SCOPES_OF: Record<MemberRole, readonly Scope[]> = {
  owner: SCOPES,
  admin: SCOPES,
  member: ['read', 'write', 'hold'],
  read_only: ['read'],
};

/** What a member of a tenant may do in it. */
export function scopesOfRole(role: MemberRole): ReadonlySet<Scope> {
  return new Set(SCOPES_OF[role]);
}
