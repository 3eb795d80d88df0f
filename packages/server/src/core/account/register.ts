import { registerSchema, type Accepted, type Register } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { recordAudit } from '../audit/index.ts';
import { DomainError } from '../errors.ts';
import { checkNewPassword, insertMember, insertTenant } from '../identity/index.ts';
import { queueMail } from '../mail/index.ts';
import type { Tx } from '../ports.ts';
import { ACCEPTED, answerSteadily } from './answer.ts';
import { limitByAddress } from './limit.ts';
import { makeLink } from './link.ts';
import { findUserByEmail, insertLinkToken } from './queries.ts';
import type { OpenCtx } from './types.ts';

interface NewUser {
  name: string;
  email: string;
  passwordHash: string;
  teamName: string;
}

/**
 * Makes a user with a team and a project of their own, and mails the link that proves the address.
 * A taken address gets the same answer; its owner is told by mail.
 * @throws DomainError FORBIDDEN when registration is not open; VALIDATION_ERROR; RATE_LIMIT
 */
export async function registerUser(ctx: OpenCtx, input: Register): Promise<Accepted> {
  const { name, email, password, team_name: teamName = name } = registerSchema.parse(input);
  refuseUnlessOpen(ctx);
  await limitByAddress(ctx, 'register', email);
  await checkNewPassword(ctx.accounts, { password, email });
  return answerSteadily(ctx, async () => {
    // Outside the transaction, and also for a taken address: it takes most of the time.
    const passwordHash = await ctx.accounts.hashPassword(password);
    const made = await makeUser(ctx, { name, email, passwordHash, teamName });
    if (!made) await ctx.db.transaction((tx) => tellOwner(ctx, tx, email));
    return ACCEPTED;
  });
}

function refuseUnlessOpen({ account: { registration } }: OpenCtx): void {
  if (registration === 'open') return;
  const suggestion = registration === 'invite' ? 'Ask for an invitation.' : undefined;
  throw new DomainError('FORBIDDEN', 'This server is not open to registration.', { suggestion });
}

/** @returns false when the address is taken */
async function makeUser(ctx: OpenCtx, user: NewUser): Promise<boolean> {
  try {
    await ctx.db.transaction((tx) => insertAccount(ctx, tx, user));
    return true;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'RESOURCE_CONFLICT') return false;
    throw error;
  }
}

async function insertAccount(
  ctx: OpenCtx,
  tx: Tx,
  { name, email, passwordHash, teamName }: NewUser,
): Promise<void> {
  const { accounts, client, clock, requestId, settings } = ctx;
  const user = await accounts.createUser(tx, { email, name, passwordHash, verified: false });
  const tenantId = newId();
  await insertTenant(tx, { tenantId, projectId: newId(), name: teamName });
  await insertMember(tx, { tenantId, userId: user.id, role: 'owner' });
  const { url, token, hash, expiresAt } = makeLink('verify_email', settings.publicUrl, clock.now());
  await insertLinkToken(tx, { hash, userId: user.id, purpose: 'verify_email', expiresAt });
  await queueMail(tx, {
    to: user.email,
    tenantId,
    template: 'verify_email',
    variables: { name, url, token },
  });
  await recordAudit(
    tx,
    { tenantId, actor: `user:${user.id}`, client, requestId },
    {
      action: 'user.registered',
      targets: [
        { type: 'user', id: user.id },
        { type: 'team', id: tenantId, name: teamName },
      ],
    },
  );
}

async function tellOwner({ settings }: OpenCtx, tx: Tx, email: string): Promise<void> {
  const owner = await findUserByEmail(tx, email);
  if (owner === null) return;
  const variables = { name: owner.name, url: `${settings.publicUrl}/` };
  await queueMail(tx, { to: owner.email, template: 'address_taken', variables });
}
