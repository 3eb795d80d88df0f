import {
  memberQuerySchema,
  pageQuerySchema,
  type MemberQuery,
  type Page,
  type PageQuery,
  type Team,
  type TeamMember,
} from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { totalOf } from '../count-rows.ts';
import { pageOf } from '../wire.ts';
import { openTeam, requireTeamScope } from './access.ts';
import { countMembers, countTeamsOf, fetchTeam, selectMembers, selectTeamsOf } from './queries.ts';

/** The caller's teams, newest first; of a key the one it belongs to. */
export async function listTeams(ctx: Ctx, input: PageQuery): Promise<Page<Team>> {
  requireScope(ctx, 'read');
  const page = pageQuerySchema.parse(input);
  const { limit, after } = page;
  const { kind, userId, tenantId } = ctx.principal;
  if (kind !== 'user' || userId === null) {
    const items = after === undefined ? [await fetchTeam(ctx.db, tenantId, null)] : [];
    const total = await totalOf(page, items, async () => 1);
    return { items, limit, next_cursor: null, total };
  }
  const rows = await selectTeamsOf(ctx.db, userId, { limit: limit + 1, after });
  const total = await totalOf(page, rows, (include) => countTeamsOf(ctx.db, userId, include));
  return pageOf(rows, limit, (row) => row, total);
}

/** @throws NOT_FOUND, also for a team that the caller is not in */
export async function getTeam(ctx: Ctx, id: string): Promise<Team> {
  const access = await openTeam(ctx.db, ctx, id);
  requireTeamScope(access, 'read');
  return fetchTeam(ctx.db, id, access.role);
}

/**
 * Who is in the team, in order of their ids; every member may look.
 * @throws NOT_FOUND; FORBIDDEN for a key without `admin`
 */
export async function listMembers(ctx: Ctx, teamId: string, input: MemberQuery): Promise<Page<TeamMember>> {
  const access = await openTeam(ctx.db, ctx, teamId);
  requireTeamScope(access, access.role === null ? 'admin' : 'read');
  const page = memberQuerySchema.parse(input);
  const { limit, after } = page;
  const rows = await selectMembers(ctx.db, teamId, { limit: limit + 1, after });
  const items = rows.slice(0, limit);
  const total = await totalOf(page, rows, (include) => countMembers(ctx.db, teamId, include));
  return { items, limit, next_cursor: rows.length > limit ? items.at(-1)!.user_id : null, total };
}
