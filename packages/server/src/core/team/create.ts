import { createTeamSchema, type CreateTeam, type Team } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import { transactOnce } from '../once/index.ts';
import { requireUser, teamAuditor } from './access.ts';
import { addMember, countOwned, insertTeam, lockUser } from './queries.ts';

/** Allowances are per team: without an end to teams there would be no end to allowances. */
export const MAX_OWNED_TEAMS = 20;

/**
 * Makes a team that the caller owns, with a project of the same name.
 * @throws FORBIDDEN for a key; QUOTA_EXCEEDED beyond 20 teams of one owner; IDEMPOTENCY_MISMATCH
 */
export async function createTeam(ctx: Ctx, input: CreateTeam): Promise<Team> {
  const userId = requireUser(ctx);
  const { name } = createTeamSchema.parse(input);
  return transactOnce(ctx, 'team.create', input, async (tx) => {
    await lockUser(tx, userId);
    if ((await countOwned(tx, userId)) >= MAX_OWNED_TEAMS) {
      throw new DomainError('QUOTA_EXCEEDED', `One user owns at most ${MAX_OWNED_TEAMS} teams.`);
    }
    const team = await insertTeam(tx, { id: newId(), projectId: newId(), name, role: 'owner' });
    await addMember(tx, { tenant_id: team.id, user_id: userId, role: 'owner' });
    await recordAudit(tx, teamAuditor(ctx, team.id), {
      action: 'team.created',
      targets: [{ type: 'team', id: team.id, name }],
      after: { name, tier: team.tier },
    });
    return team;
  });
}
