import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { Teams, type Person } from '../../../test/team-fixture.ts';
import type { MemberRole } from '../identity/index.ts';
import { changeMemberRole, createInvitation, listInvitations, removeMember } from './index.ts';

const ROLES: MemberRole[] = ['owner', 'admin', 'member', 'read_only'];
const FORBIDDEN = { code: 'FORBIDDEN' };
const LAST_OWNER = { code: 'RESOURCE_CONFLICT' };

describe.each(ENGINES)('members on %s', (engine) => {
  let t: Teams;
  beforeAll(async () => {
    t = await Teams.open(engine);
  }, 60_000);
  afterAll(() => t.h.close());

  const change = (
    ctx: Parameters<typeof changeMemberRole>[0],
    teamId: string,
    who: Person,
    role: MemberRole,
  ) => changeMemberRole(ctx, { teamId, userId: who.userId }, { role });

  it('a role is changed from the next look on, and the change recorded', async () => {
    const { teamId, owner, member } = await t.team();
    const changed = await change(t.as(owner, teamId), teamId, member, 'admin');
    expect(changed).toMatchObject({ user_id: member.userId, role: 'admin' });
    expect((await t.roles(teamId))[member.userId]).toBe('admin');
    expect(await t.audit(teamId)).toMatchObject([
      {
        action: 'member.role_changed',
        actor: { id: `user:${owner.userId}` },
        targets: [{ type: 'user', id: member.userId }],
        diff: [{ path: expect.anything() }],
      },
    ]);
    // The same again is no change.
    await change(t.as(owner, teamId), teamId, member, 'admin');
    expect(await t.audit(teamId)).toHaveLength(1);
  });

  describe.each(ROLES)('the role %s', (role) => {
    it.each(ROLES.flatMap((from) => ROLES.filter((to) => to !== from).map((to) => [from, to] as const)))(
      'on making %s of a team a %s',
      async (from, to) => {
        const team = await t.team();
        const target = await t.join(team.teamId, from);
        const attempt = change(t.as(team[role], team.teamId, role), team.teamId, target, to);
        const may = role === 'owner' || (role === 'admin' && from !== 'owner' && to !== 'owner');
        if (may) expect(await attempt).toMatchObject({ role: to });
        else await expect(attempt).rejects.toMatchObject(FORBIDDEN);
        expect((await t.roles(team.teamId))[target.userId]).toBe(may ? to : from);
      },
    );

    it.each(ROLES)('on removing a %s', async (other) => {
      const team = await t.team();
      const target = await t.join(team.teamId, other);
      const attempt = removeMember(t.as(team[role], team.teamId, role), team.teamId, target.userId);
      const may = role === 'owner' || (role === 'admin' && other !== 'owner');
      if (may) expect(await attempt).toMatchObject({ user_id: target.userId, role: other });
      else await expect(attempt).rejects.toMatchObject(FORBIDDEN);
      expect((await t.roles(team.teamId))[target.userId]).toBe(may ? undefined : other);
    });

    it('may leave, unless it is the last owner', async () => {
      const team = await t.team();
      const leave = () => removeMember(t.as(team[role], team.teamId, role), team.teamId, team[role].userId);
      if (role === 'owner') {
        await expect(leave()).rejects.toMatchObject(LAST_OWNER);
        await t.join(team.teamId, 'owner');
      }
      await leave();
      expect((await t.roles(team.teamId))[team[role].userId]).toBeUndefined();
      expect(await t.audit(team.teamId, 'member.removed')).toMatchObject([
        { context: { details: { left: true } } },
      ]);
      await expect(leave()).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'Team not found.' });
    });

    it('does not raise itself', async () => {
      const team = await t.team();
      if (role === 'owner') return expect((await t.roles(team.teamId))[team.owner.userId]).toBe('owner');
      const self = team[role];
      for (const higher of ROLES.slice(0, ROLES.indexOf(role))) {
        const attempt = change(t.as(self, team.teamId, role), team.teamId, self, higher);
        await expect(attempt).rejects.toMatchObject(FORBIDDEN);
      }
      expect((await t.roles(team.teamId))[self.userId]).toBe(role);
    });
  });

  it('a role that a token was made with counts for nothing any more', async () => {
    const { teamId, owner, admin, member } = await t.team();
    const stale = t.as(admin, teamId, 'admin');
    await change(t.as(owner, teamId), teamId, admin, 'member');
    await expect(change(stale, teamId, member, 'read_only')).rejects.toMatchObject(FORBIDDEN);
    await removeMember(t.as(owner, teamId), teamId, admin.userId);
    await expect(change(stale, teamId, member, 'read_only')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('a key manages nobody, whatever its scopes', async () => {
    const { teamId, member } = await t.team();
    const key = t.h.ctxFor({ tenantId: teamId });
    await expect(change(key, teamId, member, 'admin')).rejects.toMatchObject(FORBIDDEN);
    await expect(removeMember(key, teamId, member.userId)).rejects.toMatchObject(FORBIDDEN);
    expect((await t.roles(teamId))[member.userId]).toBe('member');
  });

  it('P-06 the members of another team are not found, and nothing happens to them', async () => {
    const [mine, other] = [await t.team(), await t.team()];
    const ctx = t.as(mine.owner, mine.teamId);
    for (const teamId of [other.teamId, randomUUID()]) {
      const gone = { code: 'NOT_FOUND', message: 'Team not found.' };
      await expect(change(ctx, teamId, other.member, 'owner')).rejects.toMatchObject(gone);
      await expect(removeMember(ctx, teamId, other.member.userId)).rejects.toMatchObject(gone);
    }
    for (const userId of [other.member.userId, randomUUID(), 'nonsense', '']) {
      const gone = { code: 'NOT_FOUND', message: 'Member not found.' };
      const who = { ...other.member, userId };
      await expect(change(ctx, mine.teamId, who, 'owner')).rejects.toMatchObject(gone);
      await expect(removeMember(ctx, mine.teamId, userId)).rejects.toMatchObject(gone);
    }
    expect((await t.roles(other.teamId))[other.member.userId]).toBe('member');
    expect([...(await t.audit(mine.teamId)), ...(await t.audit(other.teamId))]).toEqual([]);
  });

  it('the last owner is neither lowered nor removed', async () => {
    const { teamId, owner } = await t.team();
    const ctx = t.as(owner, teamId);
    await expect(change(ctx, teamId, owner, 'admin')).rejects.toMatchObject(LAST_OWNER);
    await expect(removeMember(ctx, teamId, owner.userId)).rejects.toMatchObject(LAST_OWNER);
    expect((await t.roles(teamId))[owner.userId]).toBe('owner');
  });

  it('a team keeps an owner when all of them go at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { tenantId: teamId } = await t.h.createTenant();
      const owners = await Promise.all([1, 2, 3, 4, 5, 6].map(() => t.join(teamId, 'owner')));
      const ends = await Promise.allSettled(
        owners.map((owner, n) => {
          // Each lowers the next one, leaves, or lowers itself.
          const ctx = t.as(owner, teamId);
          if (n % 3 === 0) return change(ctx, teamId, owners[(n + 1) % owners.length]!, 'member');
          return n % 3 === 1
            ? removeMember(ctx, teamId, owner.userId)
            : change(ctx, teamId, owner, 'read_only');
        }),
      );
      expect(ends.some(({ status }) => status === 'fulfilled')).toBe(true);
      const left = Object.values(await t.roles(teamId)).filter((role) => role === 'owner');
      expect(left.length).toBeGreaterThanOrEqual(1);
    }
  });

  it('of two owners who lower each other at once one stays', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { tenantId: teamId } = await t.h.createTenant();
      const [one, two] = [await t.join(teamId, 'owner'), await t.join(teamId, 'owner')];
      const ends = await Promise.allSettled([
        change(t.as(one, teamId), teamId, two, 'member'),
        change(t.as(two, teamId), teamId, one, 'member'),
      ]);
      expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      expect(Object.values(await t.roles(teamId)).toSorted()).toEqual(['member', 'owner']);
    }
  });

  it('who is lowered or removed leaves no open invitation behind', async () => {
    const { teamId, owner, admin } = await t.team();
    const other = await t.join(teamId, 'admin');
    const invite = (who: Person, email: string) =>
      createInvitation(t.as(who, teamId, 'admin'), teamId, { email, role: 'admin' });
    await invite(admin, `${randomUUID()}@example.com`);
    await invite(other, `${randomUUID()}@example.com`);
    await invite(owner, `${randomUUID()}@example.com`);
    await change(t.as(owner, teamId), teamId, admin, 'read_only');
    await removeMember(t.as(owner, teamId), teamId, other.userId);
    const { items } = await listInvitations(t.as(owner, teamId), teamId, { limit: 10 });
    expect(items.map(({ invited_by, status }) => [invited_by, status])).toEqual([
      [owner.userId, 'pending'],
      [other.userId, 'revoked'],
      [admin.userId, 'revoked'],
    ]);
  });
});
