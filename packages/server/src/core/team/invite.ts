import { createInvitationSchema, type CreateInvitation, type Invitation } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { MemberRole } from '../identity/index.ts';
import { queueMail } from '../mail/index.ts';
import { transactOnce } from '../once/index.ts';
import type { Tx } from '../ports.ts';
import {
  openTeam,
  openTeamLocked,
  requireManager,
  requireReach,
  requireUser,
  teamAuditor,
} from './access.ts';
import { insertInvitation, revokeInvitationsTo } from './invitation-queries.ts';
import { hashInvitationToken, makeInvitationToken } from './invitation-token.ts';
import { fetchMember, fetchTeam, isMemberEmail } from './queries.ts';

/**
 * Mails an invitation, of use once and for seven days. An open one to the same address is replaced.
 * @throws NOT_FOUND; FORBIDDEN; RATE_LIMIT; RESOURCE_CONFLICT for a member; IDEMPOTENCY_MISMATCH
 */
export async function createInvitation(
  ctx: Ctx,
  teamId: string,
  input: CreateInvitation,
): Promise<Invitation> {
  const { email, role } = createInvitationSchema.parse(input);
  await countInvitation(ctx, teamId, role);
  const wanted = { email: email.toLowerCase(), role };
  return transactOnce(ctx, 'invitation.create', { team_id: teamId, ...input }, (tx) =>
    insert(tx, ctx, teamId, wanted),
  );
}

/** Who may not invite does not use up what the team may send. */
async function countInvitation(ctx: Ctx, teamId: string, role: MemberRole): Promise<void> {
  const access = await openTeam(ctx.db, ctx, teamId);
  requireManager(ctx, access);
  requireReach(access, role);
  const { tier } = await fetchTeam(ctx.db, teamId, access.role);
  const { principal, client, requestId } = ctx;
  const use = { policy: 'invite', subject: `tenant:${teamId}`, tenantId: teamId, tier };
  await ctx.limits.use({ ...use, actor: principal.actor, client, requestId });
}

async function insert(
  tx: Tx,
  ctx: Ctx,
  teamId: string,
  { email, role }: { email: string; role: MemberRole },
): Promise<Invitation> {
  const access = await openTeamLocked(tx, ctx, teamId);
  requireManager(ctx, access);
  requireReach(access, role);
  if (await isMemberEmail(tx, teamId, email)) {
    throw new DomainError('RESOURCE_CONFLICT', 'Whoever has this e-mail is a member already.');
  }
  const replaced = await revokeInvitationsTo(tx, teamId, email);
  const token = makeInvitationToken();
  const invitation = await insertInvitation(tx, {
    tenant_id: teamId,
    id: newId(),
    email,
    role,
    token_hash: hashInvitationToken(token)!,
    invited_by: requireUser(ctx),
  });
  await mailInvitation(tx, ctx, { teamId, email, token });
  await recordAudit(tx, teamAuditor(ctx, teamId), {
    action: 'invitation.created',
    targets: [{ type: 'invitation', id: invitation.id, name: email }],
    after: { email, role },
    details: { replaced },
  });
  return invitation;
}

async function mailInvitation(
  tx: Tx,
  ctx: Ctx,
  { teamId, email, token }: { teamId: string; email: string; token: string },
): Promise<void> {
  const inviter = await fetchMember(tx, teamId, requireUser(ctx));
  const team = await fetchTeam(tx, teamId, inviter.role);
  // In the fragment, which browsers send to no server and name in no Referer.
  const url = `${ctx.settings.publicUrl}/invitation#token=${token}`;
  const variables = { team: team.name, inviter: inviter.name, url, token };
  await queueMail(tx, { to: email, tenantId: teamId, template: 'invitation', variables });
}
