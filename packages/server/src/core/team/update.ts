import { updateTeamSchema, type Team, type UpdateTeam } from '@holdfast/protocol';
import { recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { MemberRole } from '../identity/index.ts';
import type { Tx } from '../ports.ts';
import { requireMatch } from '../precondition.ts';
import { isId } from '../wire.ts';
import { openTeam, requireTeamScope, teamAuditor } from './access.ts';
import { fetchTeam, findMemberRole, lockTeam, ownsInstallation, updateTeamRow } from './queries.ts';

/**
 * Changes the name, which takes the scope `admin` in the team, or the tier, which takes an owner of the
 * installation's first team; that one may change the tier of any team.
 * @throws NOT_FOUND, FORBIDDEN, PRECONDITION_FAILED
 */
export async function updateTeam(ctx: Ctx, id: string, input: UpdateTeam): Promise<Team> {
  const change = updateTeamSchema.parse(input);
  return ctx.db.transaction(async (tx) => {
    const role = await openForChange(tx, ctx, id, change);
    await lockTeam(tx, id);
    const before = await fetchTeam(tx, id, role);
    requireMatch(ctx, before);
    const after = await updateTeamRow(tx, id, change, role);
    await recordAudit(tx, teamAuditor(ctx, id), {
      action: 'team.updated',
      targets: [{ type: 'team', id, name: after.name }],
      before: { name: before.name, tier: before.tier },
      after: { name: after.name, tier: after.tier },
    });
    return after;
  });
}

/** @returns the caller's role in the team, null for a key and for the operator */
async function openForChange(tx: Tx, ctx: Ctx, id: string, change: UpdateTeam): Promise<MemberRole | null> {
  const { kind, userId } = ctx.principal;
  const operates =
    change.tier !== undefined && kind === 'user' && userId !== null && (await ownsInstallation(tx, userId));
  if (operates && change.name === undefined && isId(id)) return findMemberRole(tx, id, userId);
  const access = await openTeam(tx, ctx, id);
  if (change.name !== undefined) requireTeamScope(access, 'admin');
  if (change.tier !== undefined && !operates) {
    throw new DomainError('FORBIDDEN', 'Only the operator of the installation changes a tier.');
  }
  return access.role;
}
