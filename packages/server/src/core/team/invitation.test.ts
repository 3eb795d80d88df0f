import { randomUUID } from 'node:crypto';
import type { AcceptInvitation, CreateInvitation } from '@holdfast/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { Teams, type Person } from '../../../test/team-fixture.ts';
import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { MemberRole } from '../identity/index.ts';
import type { LimitRequest } from '../ports.ts';
import {
  acceptInvitation,
  createInvitation,
  listInvitations,
  removeMember,
  revokeInvitation,
  viewInvitation,
  type Invitee,
} from './index.ts';

const ROLES: MemberRole[] = ['owner', 'admin', 'member', 'read_only'];
const FORBIDDEN = { code: 'FORBIDDEN' };
const USED = { code: 'LINK_EXPIRED' };
const ACCOUNT = { name: 'Bob', password: 'correct horse battery' };
const fresh = () => `Bob-${randomUUID()}@Example.com`;

describe.each(ENGINES)('invitations on %s', (engine) => {
  let t: Teams;
  beforeAll(async () => {
    t = await Teams.open(engine);
  }, 60_000);
  afterAll(() => t.h.close());

  async function invited(more: Partial<CreateInvitation> = {}) {
    const team = await t.team();
    const ctx = t.as(team.owner, team.teamId);
    const email = more.email ?? fresh();
    const invitation = await createInvitation(ctx, team.teamId, { role: 'member', ...more, email });
    const [{ url, token }] = (await t.linksTo(email)) as [{ url: string; token: string }];
    return { ...team, ctx, email, invitation, url, token };
  }

  /** Somebody with the link: a user, or nobody known. */
  const invitee = (who: Ctx['principal'] | null, more: Partial<Invitee> = {}): Invitee => ({
    ...t.h.services,
    requestId: 'request',
    principal: who,
    accounts: t.accounts,
    allowsNewAccounts: true,
    ...more,
  });
  const accept = (token: string, who: Person | null, input: AcceptInvitation = {}, more?: Partial<Invitee>) =>
    acceptInvitation(invitee(who && t.as(who, randomUUID()).principal, more), token, input);

  /** Time passes for that invitation. */
  const age = (id: string) =>
    t.h.db.kysely
      .updateTable('invitations')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .where('id', '=', id)
      .execute();

  const isProven = async (id: string) => {
    const row = t.h.db.kysely.selectFrom('users').select('email_verified').where('id', '=', id);
    return (await row.executeTakeFirstOrThrow()).email_verified;
  };

  const statuses = async (teamId: string, ctx: Ctx) =>
    (await listInvitations(ctx, teamId, { limit: 50 })).items.map(({ status }) => status);

  describe('to invite', () => {
    it('mails a link, keeps only the hash of its token, and records it', async () => {
      const { teamId, ctx, owner, email, invitation, url, token } = await invited();
      expect(invitation).toEqual({
        id: expect.any(String),
        email: email.toLowerCase(),
        role: 'member',
        status: 'pending',
        invited_by: owner.userId,
        created_at: expect.any(String),
        expires_at: expect.any(String),
        accepted_at: null,
        revoked_at: null,
      });
      const days = (Date.parse(invitation.expires_at) - Date.parse(invitation.created_at)) / 86_400_000;
      expect(days).toBeCloseTo(7, 3);
      expect(url).toBe(`http://holdfast.test/invitation#token=${token}`);
      const rows = await t.h.db.kysely
        .selectFrom('invitations')
        .selectAll()
        .where('tenant_id', '=', teamId)
        .execute();
      expect(JSON.stringify(rows)).not.toContain(token);
      const entries = await t.audit(teamId);
      expect(entries).toMatchObject([
        { action: 'invitation.created', targets: [{ type: 'invitation', id: invitation.id }] },
      ]);
      expect(JSON.stringify(entries)).not.toContain(token);
      expect(await listInvitations(ctx, teamId, { limit: 5 })).toMatchObject({ items: [invitation] });
    });

    it.each(ROLES.flatMap((inviter) => ROLES.map((role) => [inviter, role] as const)))(
      'as %s a %s',
      async (inviter, role) => {
        const team = await t.team();
        const email = fresh();
        const ctx = t.as(team[inviter], team.teamId, inviter);
        const attempt = createInvitation(ctx, team.teamId, { email, role });
        const may = inviter === 'owner' || (inviter === 'admin' && role !== 'owner');
        if (may) expect(await attempt).toMatchObject({ role });
        else await expect(attempt).rejects.toMatchObject(FORBIDDEN);
        expect(await t.linksTo(email)).toHaveLength(may ? 1 : 0);
        expect(await t.audit(team.teamId)).toHaveLength(may ? 1 : 0);
      },
    );

    it('is not for keys, which may list', async () => {
      const { teamId, invitation } = await invited();
      const key = t.h.ctxFor({ tenantId: teamId });
      await expect(createInvitation(key, teamId, { email: fresh(), role: 'member' })).rejects.toMatchObject(
        FORBIDDEN,
      );
      await expect(revokeInvitation(key, teamId, invitation.id)).rejects.toMatchObject(FORBIDDEN);
      expect((await listInvitations(key, teamId, { limit: 5 })).items).toEqual([invitation]);
      const weak = t.h.ctxFor({ tenantId: teamId, scopes: ['read', 'write'] });
      await expect(listInvitations(weak, teamId, { limit: 5 })).rejects.toMatchObject(FORBIDDEN);
    });

    it('the same address again replaces the invitation, whatever its case', async () => {
      const { teamId, ctx, email, token } = await invited();
      await createInvitation(ctx, teamId, { email: email.toUpperCase(), role: 'read_only' });
      expect(await statuses(teamId, ctx)).toEqual(['pending', 'revoked']);
      await expect(viewInvitation(t.h.services, token)).rejects.toMatchObject(USED);
      const [newest] = await t.linksTo(email);
      expect(await viewInvitation(t.h.services, newest!.token)).toMatchObject({ role: 'read_only' });
    });

    it('ten times at once leaves one that is open', async () => {
      const { teamId, ctx, email } = await invited();
      await Promise.all(
        Array.from({ length: 10 }, () => createInvitation(ctx, teamId, { email, role: 'member' })),
      );
      expect((await statuses(teamId, ctx)).filter((status) => status === 'pending')).toHaveLength(1);
    });

    it('sending twice with one key is inviting once', async () => {
      const { teamId, owner } = await t.team();
      const ctx = t.as(owner, teamId, 'owner', { idempotencyKey: randomUUID() });
      const email = fresh();
      const first = await createInvitation(ctx, teamId, { email, role: 'member' });
      expect(await createInvitation(ctx, teamId, { email, role: 'member' })).toEqual(first);
      expect(await t.linksTo(email)).toHaveLength(1);
    });

    it('a member is refused', async () => {
      const { teamId, owner, member } = await t.team();
      const again = createInvitation(t.as(owner, teamId), teamId, {
        email: member.email.toUpperCase(),
        role: 'admin',
      });
      await expect(again).rejects.toMatchObject({ code: 'RESOURCE_CONFLICT' });
    });

    it('counts against the team, and only of those who may', async () => {
      const { teamId, owner, member } = await t.team();
      const used: LimitRequest[] = [];
      const limits: Ctx['limits'] = {
        ...t.h.services.limits,
        async use(request) {
          used.push(request);
          throw new DomainError('RATE_LIMIT');
        },
      };
      const input: CreateInvitation = { email: fresh(), role: 'member' };
      const attempt = (who: Person, role: MemberRole) =>
        createInvitation(t.as(who, teamId, role, { limits }), teamId, input);
      await expect(attempt(member, 'member')).rejects.toMatchObject(FORBIDDEN);
      expect(used).toEqual([]);
      await expect(attempt(owner, 'owner')).rejects.toMatchObject({ code: 'RATE_LIMIT' });
      expect(used).toMatchObject([
        { policy: 'invite', subject: `tenant:${teamId}`, tenantId: teamId, tier: 'free' },
      ]);
      expect(await t.linksTo(input.email)).toEqual([]);
    });

    it.each([
      ['email', { email: 'nobody', role: 'member' }],
      ['email', { email: 'a@b.example\r\nBcc: c@d.example', role: 'member' }],
      ['email', { role: 'member' }],
      ['role', { email: 'a@b.example', role: 'root' }],
      ['role', { email: 'a@b.example' }],
      ['', { email: 'a@b.example', role: 'member', team_id: 'x' }],
    ])('names the bad field %s', async (field, input) => {
      const { teamId, owner } = await t.team();
      await expect(createInvitation(t.as(owner, teamId), teamId, input as never)).rejects.toMatchObject({
        issues: [{ path: field === '' ? [] : [field] }],
      });
    });
  });

  it('P-06 another team finds, lists and revokes nothing', async () => {
    const [one, two] = [await invited(), await t.team()];
    const ctx = t.as(two.owner, two.teamId);
    const gone = { code: 'NOT_FOUND' };
    await expect(listInvitations(ctx, one.teamId, { limit: 5 })).rejects.toMatchObject(gone);
    await expect(createInvitation(ctx, one.teamId, { email: fresh(), role: 'member' })).rejects.toMatchObject(
      gone,
    );
    await expect(revokeInvitation(ctx, one.teamId, one.invitation.id)).rejects.toMatchObject(gone);
    for (const id of [one.invitation.id, randomUUID(), 'nonsense']) {
      await expect(revokeInvitation(ctx, two.teamId, id)).rejects.toMatchObject({
        message: 'Invitation not found.',
      });
    }
    expect(await statuses(two.teamId, ctx)).toEqual([]);
    expect(await statuses(one.teamId, one.ctx)).toEqual(['pending']);
  });

  describe('to revoke', () => {
    it('makes the link worthless, once, and stays listed', async () => {
      const { teamId, ctx, invitation, token } = await invited();
      const revoked = await revokeInvitation(ctx, teamId, invitation.id);
      expect(revoked).toMatchObject({ status: 'revoked', revoked_at: expect.any(String) });
      expect(await revokeInvitation(ctx, teamId, invitation.id)).toEqual(revoked);
      expect(await t.audit(teamId, 'invitation.revoked')).toHaveLength(1);
      await expect(accept(token, null, ACCOUNT)).rejects.toMatchObject(USED);
      expect((await listInvitations(ctx, teamId, { limit: 5 })).items).toEqual([revoked]);
    });

    it('is not for members, nor for admins where an owner was invited', async () => {
      const { teamId, admin, member, invitation } = await invited({ role: 'owner' });
      for (const ctx of [t.as(member, teamId, 'member'), t.as(admin, teamId, 'admin')]) {
        await expect(revokeInvitation(ctx, teamId, invitation.id)).rejects.toMatchObject(FORBIDDEN);
      }
    });

    it('comes too late after it was accepted', async () => {
      const { teamId, ctx, invitation, token } = await invited();
      await accept(token, null, ACCOUNT);
      await expect(revokeInvitation(ctx, teamId, invitation.id)).rejects.toMatchObject({
        code: 'RESOURCE_CONFLICT',
      });
    });
  });

  describe('to look at', () => {
    it('shows the team, who invites, and no more than a hint of the address', async () => {
      const { email, token, owner } = await invited();
      const view = await viewInvitation(t.h.services, token);
      expect(view).toEqual({
        team_name: 'Test',
        inviter: owner.name,
        email: 'b***@example.com',
        role: 'member',
        has_account: false,
        expires_at: expect.any(String),
      });
      expect(JSON.stringify(view)).not.toContain(email.toLowerCase());
      const ann = await t.person();
      expect(await viewInvitation(t.h.services, (await invited({ email: ann.email })).token)).toMatchObject({
        has_account: true,
      });
    });

    it.each(['nonsense', '', `hf_invite_${'A'.repeat(43)}`, `hf_invite_${'A'.repeat(42)}\0`])(
      'an unknown token is not found: %j',
      async (token) => {
        const gone = { code: 'NOT_FOUND', message: 'Invitation not found.' };
        await expect(viewInvitation(t.h.services, token)).rejects.toMatchObject(gone);
        await expect(accept(token, null, ACCOUNT)).rejects.toMatchObject(gone);
      },
    );
  });

  describe('to accept', () => {
    it('makes an account that is verified and can log in', async () => {
      const { teamId, email, token, ctx } = await invited({ role: 'read_only' });
      const accepted = await accept(token, null, ACCOUNT, { client: { ip: '192.0.2.1', userAgent: null } });
      const user = { id: expect.any(String), email: email.toLowerCase(), name: 'Bob' };
      expect(accepted).toEqual({ team: { id: teamId, name: 'Test' }, role: 'read_only', user });
      expect(await t.accounts.verifyPassword(email, ACCOUNT.password)).toEqual(accepted.user);
      expect((await t.roles(teamId))[accepted.user.id]).toBe('read_only');
      expect(await isProven(accepted.user.id)).toBe(true);
      expect(await statuses(teamId, ctx)).toEqual(['accepted']);
      const [entry] = await t.audit(teamId, 'invitation.accepted');
      expect(entry).toMatchObject({
        actor: { id: `user:${accepted.user.id}` },
        context: { details: { account_created: true } },
      });
      expect(JSON.stringify(entry)).not.toContain(ACCOUNT.password);
    });

    it('as the logged-in user of that address', async () => {
      const ann = await t.person('Ann');
      const { teamId, token } = await invited({ email: ann.email.toUpperCase(), role: 'admin' });
      expect(await accept(token, ann)).toMatchObject({ role: 'admin', user: { id: ann.userId } });
      expect((await t.roles(teamId))[ann.userId]).toBe('admin');
      expect(await isProven(ann.userId)).toBe(true);
      await expect(accept(token, ann)).rejects.toMatchObject(USED);
    });

    it('not as somebody else, nor with a key; the invitation stays open', async () => {
      const { teamId, token, ctx, member } = await invited();
      await expect(accept(token, await t.person())).rejects.toMatchObject(FORBIDDEN);
      await expect(accept(token, member)).rejects.toMatchObject(FORBIDDEN);
      const key = t.h.ctxFor({ tenantId: teamId }).principal;
      await expect(acceptInvitation(invitee(key), token, {})).rejects.toMatchObject(FORBIDDEN);
      expect(await statuses(teamId, ctx)).toEqual(['pending']);
      expect(await t.audit(teamId, 'invitation.accepted')).toEqual([]);
    });

    it('not without a login where the address has an account', async () => {
      const ann = await t.person();
      const { teamId, token, ctx } = await invited({ email: ann.email });
      await expect(accept(token, null, ACCOUNT)).rejects.toMatchObject({ code: 'RESOURCE_CONFLICT' });
      await expect(accept(token, null)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
      expect(await statuses(teamId, ctx)).toEqual(['pending']);
      expect((await t.roles(teamId))[ann.userId]).toBeUndefined();
    });

    it('once: of ten at a time one gets in', async () => {
      const { teamId, token } = await invited();
      const ends = await Promise.allSettled(Array.from({ length: 10 }, () => accept(token, null, ACCOUNT)));
      expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const end of ends) {
        if (end.status === 'rejected') expect(end.reason).toMatchObject(USED);
      }
      expect(Object.keys(await t.roles(teamId))).toHaveLength(5);
    });

    it('not after seven days', async () => {
      const { teamId, token, ctx, invitation } = await invited();
      await age(invitation.id);
      await expect(accept(token, null, ACCOUNT)).rejects.toMatchObject(USED);
      expect(await statuses(teamId, ctx)).toEqual(['expired']);
    });

    it('a member keeps the role they have', async () => {
      const ann = await t.person();
      const { teamId, token } = await invited({ email: ann.email, role: 'owner' });
      await t.join(teamId, 'read_only', ann);
      await expect(accept(token, ann)).rejects.toMatchObject({ code: 'RESOURCE_CONFLICT' });
      expect((await t.roles(teamId))[ann.userId]).toBe('read_only');
    });

    it('who was removed does not come back by the same link', async () => {
      const ann = await t.person();
      const { teamId, token, ctx } = await invited({ email: ann.email });
      await accept(token, ann);
      await removeMember(ctx, teamId, ann.userId);
      await expect(accept(token, ann)).rejects.toMatchObject(USED);
    });

    it('makes no account where nobody may, and lets users in', async () => {
      const { token } = await invited();
      await expect(accept(token, null, ACCOUNT, { allowsNewAccounts: false })).rejects.toMatchObject(
        FORBIDDEN,
      );
      const ann = await t.person();
      const other = await invited({ email: ann.email });
      await accept(other.token, ann, {}, { allowsNewAccounts: false });
    });

    it.each([
      ['password', { name: 'Bob', password: 'short' }],
      ['name', { name: ' ', password: 'correct horse battery' }],
      ['', { name: 'Bob' }],
      ['', { password: 'correct horse battery' }],
      ['', { ...ACCOUNT, role: 'owner' }],
    ])('names the bad field %s, and the link stays good', async (field, input) => {
      const { token } = await invited();
      await expect(accept(token, null, input as never)).rejects.toMatchObject({
        issues: [{ path: field === '' ? [] : [field] }],
      });
      expect(await viewInvitation(t.h.services, token)).toMatchObject({ role: 'member' });
    });

    it('not with a password that everybody tries, and not as two at once', async () => {
      const { token } = await invited();
      const common = { name: 'Bob', password: 'password123' };
      await expect(accept(token, null, common)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
      await expect(accept(token, await t.person(), ACCOUNT)).rejects.toMatchObject({
        code: 'VALIDATION_ERROR',
      });
    });

    it('a new account counts against the caller', async () => {
      const { token } = await invited();
      const used: LimitRequest[] = [];
      const limits: Ctx['limits'] = {
        ...t.h.services.limits,
        async use(request) {
          used.push(request);
          throw new DomainError('RATE_LIMIT');
        },
      };
      const client = { ip: '192.0.2.7', userAgent: null };
      await expect(accept(token, null, ACCOUNT, { limits, client })).rejects.toMatchObject({
        code: 'RATE_LIMIT',
      });
      expect(used).toMatchObject([{ policy: 'register', subject: 'ip:192.0.2.7' }]);
    });
  });
});
