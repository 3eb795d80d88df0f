import { pageQuerySchema, type Invitation, type Page, type PageQuery } from '@holdfast/protocol';
import { recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { totalOf } from '../count-rows.ts';
import { DomainError } from '../errors.ts';
import { pageOf } from '../wire.ts';
import {
  openTeam,
  openTeamLocked,
  requireManager,
  requireReach,
  requireTeamScope,
  teamAuditor,
} from './access.ts';
import {
  countInvitations,
  fetchInvitation,
  revokeInvitationRow,
  selectInvitations,
} from './invitation-queries.ts';

/**
 * All invitations of the team, newest first, also those that were accepted or revoked.
 * @throws NOT_FOUND; FORBIDDEN without `admin`
 */
export async function listInvitations(ctx: Ctx, teamId: string, input: PageQuery): Promise<Page<Invitation>> {
  requireTeamScope(await openTeam(ctx.db, ctx, teamId), 'admin');
  const page = pageQuerySchema.parse(input);
  const { limit, after } = page;
  const rows = await selectInvitations(ctx.db, teamId, { limit: limit + 1, after });
  const total = await totalOf(page, rows, (include) => countInvitations(ctx.db, teamId, include));
  return pageOf(rows, limit, (row) => row, total);
}

/**
 * Makes the link worthless. Revoking it again changes nothing.
 * @throws NOT_FOUND; FORBIDDEN; RESOURCE_CONFLICT when it was accepted
 */
export async function revokeInvitation(ctx: Ctx, teamId: string, id: string): Promise<Invitation> {
  return ctx.db.transaction(async (tx) => {
    const access = await openTeamLocked(tx, ctx, teamId);
    requireManager(ctx, access);
    const before = await fetchInvitation(tx, teamId, id);
    requireReach(access, before.role);
    if (before.status === 'accepted') {
      throw new DomainError('RESOURCE_CONFLICT', 'This invitation was accepted; remove the member instead.');
    }
    if (before.status === 'revoked') return before;
    await revokeInvitationRow(tx, teamId, id);
    await recordAudit(tx, teamAuditor(ctx, teamId), {
      action: 'invitation.revoked',
      targets: [{ type: 'invitation', id, name: before.email }],
      before: { status: before.status },
      after: { status: 'revoked' },
    });
    return fetchInvitation(tx, teamId, id);
  });
}
