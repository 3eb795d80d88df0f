import type { Ctx, Scope } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import { auditor, type Auditor } from '../audit/index.ts';
import { scopesOfRole, type MemberRole } from '../identity/index.ts';
import type { Queryable, Tx } from '../ports.ts';
import { isId } from '../wire.ts';
import { findMemberRole, hasOtherOwner, lockTeam } from './queries.ts';

/** What the caller may do in one team. */
export interface TeamAccess {
  readonly teamId: string;
  /** Null for a credential that is not a user's. */
  readonly role: MemberRole | null;
  readonly scopes: ReadonlySet<Scope>;
}

const RANK: Record<MemberRole, number> = { read_only: 0, member: 1, admin: 2, owner: 3 };

export function isBelow(role: MemberRole, other: MemberRole): boolean {
  return RANK[role] < RANK[other];
}

/**
 * A user reaches every team they are a member of, whichever of them the token is for; any other
 * credential reaches its own.
 * @throws NOT_FOUND, the same for a team of others as for none
 */
export async function openTeam(db: Queryable, { principal }: Ctx, teamId: string): Promise<TeamAccess> {
  if (!isId(teamId)) throw notFound('Team');
  if (principal.kind !== 'user' || principal.userId === null) {
    if (principal.tenantId !== teamId) throw notFound('Team');
    return { teamId, role: null, scopes: principal.scopes };
  }
  const role = await findMemberRole(db, teamId, principal.userId);
  if (role === null) throw notFound('Team');
  return { teamId, role, scopes: scopesOfRole(role) };
}

/** The same with the team locked: what it says holds until the transaction ends. */
export async function openTeamLocked(tx: Tx, ctx: Ctx, teamId: string): Promise<TeamAccess> {
  // First without the lock: a stranger must not make the team wait.
  await openTeam(tx, ctx, teamId);
  await lockTeam(tx, teamId);
  return openTeam(tx, ctx, teamId);
}

/** @throws FORBIDDEN */
export function requireTeamScope({ scopes }: TeamAccess, scope: Scope): void {
  if (scopes.has(scope) || scopes.has('admin')) return;
  throw new DomainError('FORBIDDEN', `In this team you lack the scope "${scope}".`, {
    details: { required_scope: scope },
  });
}

/** @returns the id of the user @throws FORBIDDEN for any other kind of credential */
export function requireUser({ principal }: Pick<Ctx, 'principal'>): string {
  if (principal.kind === 'user' && principal.userId !== null) return principal.userId;
  throw new DomainError('FORBIDDEN', 'Only a logged-in user may do this, not a key.');
}

/** @throws FORBIDDEN unless a logged-in owner or admin of the team asks */
export function requireManager(ctx: Ctx, access: TeamAccess): void {
  requireUser(ctx);
  if (access.role !== null && !isBelow(access.role, 'admin')) return;
  throw new DomainError('FORBIDDEN', 'Only owners and admins manage the members of a team.', {
    details: { required_role: 'admin' },
  });
}

/** Who is not an owner neither makes owners nor touches them. @throws FORBIDDEN */
export function requireReach(access: TeamAccess, ...roles: MemberRole[]): void {
  if (access.role === 'owner' || !roles.includes('owner')) return;
  throw new DomainError('FORBIDDEN', 'Only an owner may make, change or remove an owner.', {
    details: { required_role: 'owner' },
  });
}

/** Call it with the team locked. @throws RESOURCE_CONFLICT when nobody else owns the team */
export async function requireOtherOwner(tx: Tx, teamId: string, userId: string): Promise<void> {
  if (await hasOtherOwner(tx, teamId, userId)) return;
  throw new DomainError('RESOURCE_CONFLICT', 'A team keeps at least one owner.', {
    suggestion: 'Make somebody else an owner first.',
  });
}

/** Changes of a team belong to its own chain, whichever team the caller's token is for. */
export function teamAuditor(ctx: Ctx, teamId: string): Auditor {
  return { ...auditor(ctx), tenantId: teamId };
}
