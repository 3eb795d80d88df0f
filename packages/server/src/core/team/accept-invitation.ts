import {
  acceptInvitationSchema,
  type AcceptedInvitation,
  type AcceptInvitation,
  type Invitation,
} from '@holdfast/protocol';
import { recordAudit } from '../audit/index.ts';
import type { Ctx, Principal } from '../context.ts';
import { DomainError, invalid } from '../errors.ts';
import { checkNewPassword } from '../identity/index.ts';
import type { Account, Accounts, Tx } from '../ports.ts';
import { requireUser } from './access.ts';
import { markAccepted } from './invitation-queries.ts';
import { addMember, fetchTeam, lockTeam } from './queries.ts';
import { fetchUser, findUserByEmail, markProven } from './user-queries.ts';
import { fetchOpenInvitation } from './view-invitation.ts';

/** Somebody with a link, logged in or not. */
export interface Invitee extends Omit<Ctx, 'principal'> {
  readonly principal: Principal | null;
  readonly accounts: Accounts;
  /** Whether whoever is invited may make an account. */
  readonly allowsNewAccounts: boolean;
}

/** Finds or makes the user in the transaction that accepts. */
type Join = (tx: Tx, invitation: Invitation) => Promise<Account>;

/**
 * Joins the team: as the logged-in user, whose address must be the invited one, or with an account that
 * name and password make. The link proves the address.
 * @throws NOT_FOUND; LINK_EXPIRED; UNAUTHORIZED with neither; FORBIDDEN for another address or a key;
 *   RESOURCE_CONFLICT when the address has an account already, or is in the team; RATE_LIMIT
 */
export async function acceptInvitation(
  ctx: Invitee,
  token: string,
  input: AcceptInvitation,
): Promise<AcceptedInvitation> {
  const account = acceptInvitationSchema.parse(input);
  const { teamId, invitation } = await fetchOpenInvitation(ctx.db, token);
  const join =
    ctx.principal === null ? await joinAsNew(ctx, invitation.email, account) : joinAs(ctx.principal, account);
  return ctx.db.transaction(async (tx) => {
    await lockTeam(tx, teamId);
    // Again, as another request may have been quicker: of two one finds it open.
    await fetchOpenInvitation(tx, token);
    const user = await join(tx, invitation);
    const { role } = invitation;
    if (!(await addMember(tx, { tenant_id: teamId, user_id: user.id, role }))) {
      throw new DomainError('RESOURCE_CONFLICT', 'You are a member of this team already.');
    }
    await markAccepted(tx, teamId, invitation.id, user.id);
    const { name } = await fetchTeam(tx, teamId, role);
    await recordAudit(
      tx,
      { tenantId: teamId, actor: `user:${user.id}`, client: ctx.client, requestId: ctx.requestId },
      {
        action: 'invitation.accepted',
        targets: [
          { type: 'invitation', id: invitation.id, name: invitation.email },
          { type: 'user', id: user.id, name: user.name },
        ],
        after: { role },
        details: { account_created: ctx.principal === null },
      },
    );
    return { team: { id: teamId, name }, role, user };
  });
}

function joinAs(principal: Principal, { password }: AcceptInvitation): Join {
  const userId = requireUser({ principal });
  if (password !== undefined) throw invalid('password', 'must be left out by a logged-in user');
  return async (tx, { email }) => {
    const user = await fetchUser(tx, userId);
    if (user.email.toLowerCase() !== email) {
      throw new DomainError('FORBIDDEN', 'This invitation is for another e-mail address.');
    }
    await markProven(tx, userId);
    return user;
  };
}

async function joinAsNew(ctx: Invitee, email: string, { name, password }: AcceptInvitation): Promise<Join> {
  if (name === undefined || password === undefined) {
    throw new DomainError('UNAUTHORIZED', 'Log in, or make an account with name and password.');
  }
  if (!ctx.allowsNewAccounts) throw new DomainError('FORBIDDEN', 'Nobody makes accounts on this server.');
  if ((await findUserByEmail(ctx.db, email)) !== null) {
    throw new DomainError('RESOURCE_CONFLICT', 'This e-mail already has an account: log in to accept.');
  }
  const { client, requestId } = ctx;
  await ctx.limits.use({ policy: 'register', subject: `ip:${client?.ip ?? 'unknown'}`, client, requestId });
  await checkNewPassword(ctx.accounts, { password, email });
  // Hashed before the transaction, which others wait for.
  const passwordHash = await ctx.accounts.hashPassword(password);
  return (tx) => ctx.accounts.createUser(tx, { email, name, passwordHash });
}
