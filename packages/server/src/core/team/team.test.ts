import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { Teams, type Person } from '../../../test/team-fixture.ts';
import { fetchProject, listProjects } from '../project/index.ts';
import { createTeam, getTeam, listMembers, listTeams, updateTeam } from './index.ts';

const PAGE = { limit: 20 };
const NOT_FOUND = { code: 'NOT_FOUND', message: 'Team not found.' };
const FORBIDDEN = { code: 'FORBIDDEN' };

describe.each(ENGINES)('teams on %s', (engine) => {
  let t: Teams;
  beforeAll(async () => {
    t = await Teams.open(engine);
  }, 60_000);
  afterAll(() => t.h.close());

  const key = (teamId: string, scopes: ('read' | 'write' | 'admin')[] = ['admin']) =>
    t.h.ctxFor({ tenantId: teamId, scopes });

  it('a team that is made is owned, listed, audited, and has a project', async () => {
    const { teamId, read_only } = await t.team();
    // Whatever the role in the team of the token: a team of one's own is not a change to that one.
    const ctx = t.as(read_only, teamId, 'read_only');
    const team = await createTeam(ctx, { name: '  Ships ' });
    expect(team).toEqual({
      id: expect.any(String),
      name: 'Ships',
      tier: 'free',
      role: 'owner',
      version: 1,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    const { items } = await listTeams(ctx, PAGE);
    expect(items.map(({ id, role }) => [id, role])).toEqual(
      [
        [team.id, 'owner'],
        [teamId, 'read_only'],
      ].toSorted(([a], [b]) => (a! < b! ? 1 : -1)),
    );
    const [project] = (await listProjects(t.as(read_only, team.id), PAGE)).items;
    expect(await fetchProject(t.h.db, team.id, project!.id)).toMatchObject({ name: 'Ships' });
    expect(await t.audit(team.id)).toMatchObject([
      {
        action: 'team.created',
        actor: { id: `user:${read_only.userId}` },
        targets: [{ type: 'team', id: team.id }],
      },
    ]);
    expect(await t.audit(teamId)).toEqual([]);
  });

  it('sending twice with one key makes one team', async () => {
    const ann = await t.person();
    const { tenantId } = await t.h.createTenant();
    await t.join(tenantId, 'owner', ann);
    const ctx = t.as(ann, tenantId, 'owner', { idempotencyKey: randomUUID() });
    const first = await createTeam(ctx, { name: 'Once' });
    expect(await createTeam(ctx, { name: 'Once' })).toEqual(first);
    expect((await listTeams(ctx, PAGE)).items).toHaveLength(2);
  });

  it('nobody owns more than twenty, also with all requests at once', async () => {
    const ann = await t.person();
    const { tenantId } = await t.h.createTenant();
    await t.join(tenantId, 'member', ann);
    const ctx = t.as(ann, tenantId, 'member');
    const tries = Array.from({ length: 23 }, (_, n) => createTeam(ctx, { name: `Team ${n}` }));
    const ends = await Promise.allSettled(tries);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    for (const end of ends) {
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    }
  });

  it('a key makes no team, and sees its own alone', async () => {
    const { teamId } = await t.team();
    await expect(createTeam(key(teamId), { name: 'x' })).rejects.toMatchObject(FORBIDDEN);
    const { items } = await listTeams(key(teamId, ['read']), PAGE);
    expect(items).toMatchObject([{ id: teamId, role: null }]);
    expect(await getTeam(key(teamId, ['read']), teamId)).toMatchObject({ id: teamId, role: null });
    await expect(listTeams(key(teamId, []), PAGE)).rejects.toMatchObject(FORBIDDEN);
  });

  it('a user reaches each of their teams with the role there, whichever the token is for', async () => {
    const [one, two] = [await t.team(), await t.team()];
    await t.join(two.teamId, 'read_only', one.owner);
    const ctx = t.as(one.owner, one.teamId);
    expect(await getTeam(ctx, two.teamId)).toMatchObject({ role: 'read_only' });
    await expect(updateTeam(ctx, two.teamId, { name: 'Mine' })).rejects.toMatchObject(FORBIDDEN);
    const back = t.as(two.owner, two.teamId, 'read_only');
    expect(await updateTeam(back, two.teamId, { name: 'Ours' })).toMatchObject({ name: 'Ours' });
  });

  it('P-06 a team of others is answered as one that does not exist', async () => {
    const [mine, other] = [await t.team(), await t.team()];
    for (const ctx of [t.as(mine.owner, mine.teamId), key(mine.teamId)]) {
      for (const id of [other.teamId, randomUUID(), 'nonsense', '']) {
        await expect(getTeam(ctx, id)).rejects.toMatchObject(NOT_FOUND);
        await expect(updateTeam(ctx, id, { name: 'Mine' })).rejects.toMatchObject(NOT_FOUND);
        await expect(updateTeam(ctx, id, { tier: 'pro' })).rejects.toMatchObject(NOT_FOUND);
        await expect(listMembers(ctx, id, PAGE)).rejects.toMatchObject(NOT_FOUND);
      }
    }
    expect(await getTeam(t.as(other.owner, other.teamId), other.teamId)).toMatchObject({ version: 1 });
  });

  describe('update', () => {
    it('renames, raises the version, and records before and after', async () => {
      const { teamId, admin } = await t.team();
      const team = await updateTeam(t.as(admin, teamId, 'admin'), teamId, { name: 'New' });
      expect(team).toMatchObject({ name: 'New', version: 2, role: 'admin' });
      expect(Date.parse(team.updated_at)).toBeGreaterThanOrEqual(Date.parse(team.created_at));
      const [entry] = await t.audit(teamId, 'team.updated');
      expect(JSON.stringify(entry!.diff)).toMatch(/Test.*New/);
    });

    it('is for owners, admins, and keys with admin', async () => {
      const { teamId, owner, member, read_only } = await t.team();
      await updateTeam(t.as(owner, teamId), teamId, { name: 'By owner' });
      await updateTeam(key(teamId), teamId, { name: 'By key' });
      const refused = [
        t.as(member, teamId, 'member'),
        t.as(read_only, teamId, 'read_only'),
        key(teamId, ['read', 'write']),
      ];
      for (const ctx of refused) {
        await expect(updateTeam(ctx, teamId, { name: 'No' })).rejects.toMatchObject(FORBIDDEN);
      }
      expect(await getTeam(key(teamId), teamId)).toMatchObject({ name: 'By key' });
    });

    it('of two changes to one version one wins', async () => {
      const { teamId, owner } = await t.team();
      const ifMatch = (current: object) => (current as { version: number }).version === 1;
      const ctx = t.as(owner, teamId, 'owner', { ifMatch });
      const ends = await Promise.allSettled(['a', 'b'].map((name) => updateTeam(ctx, teamId, { name })));
      expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: { code: 'PRECONDITION_FAILED' },
      });
    });

    it('the tier is for the owner of the first team, who changes that of any team', async () => {
      const { teamId, owner } = await t.team();
      await expect(updateTeam(t.as(owner, teamId), teamId, { tier: 'enterprise' })).rejects.toMatchObject(
        FORBIDDEN,
      );
      await expect(updateTeam(key(teamId), teamId, { tier: 'enterprise' })).rejects.toMatchObject(FORBIDDEN);
      const home = await homeTeam();
      const operator = t.as(home.owner, home.teamId);
      expect(await updateTeam(operator, teamId, { tier: 'pro' })).toMatchObject({ tier: 'pro', role: null });
      expect(await updateTeam(operator, home.teamId, { tier: 'pro' })).toMatchObject({ role: 'owner' });
      await expect(updateTeam(operator, randomUUID(), { tier: 'pro' })).rejects.toMatchObject(NOT_FOUND);
      await expect(updateTeam(operator, 'nonsense', { tier: 'pro' })).rejects.toMatchObject(NOT_FOUND);
      // The tier alone: what the team is called is none of the operator's business.
      const both = { tier: 'free', name: 'Taken over' } as const;
      await expect(updateTeam(operator, teamId, both)).rejects.toMatchObject(NOT_FOUND);
      const admin = t.as(home.admin, home.teamId, 'admin');
      await expect(updateTeam(admin, teamId, { tier: 'free' })).rejects.toMatchObject(NOT_FOUND);
      await expect(updateTeam(key(home.teamId), home.teamId, { tier: 'free' })).rejects.toMatchObject(
        FORBIDDEN,
      );
      const changes = await t.audit(teamId, 'team.updated');
      expect(changes).toMatchObject([{ actor: { id: `user:${home.owner.userId}` } }]);
    });

    it.each([
      ['name', { name: ' ' }],
      ['name', { name: 'x'.repeat(201) }],
      ['tier', { tier: 'gold' }],
      ['', {}],
      ['', { name: 'x', role: 'owner' }],
    ])('names the bad field %s', async (field, input) => {
      const { teamId, owner } = await t.team();
      await expect(updateTeam(t.as(owner, teamId), teamId, input as never)).rejects.toMatchObject({
        issues: [{ path: field === '' ? [] : [field] }],
      });
    });
  });

  describe('members', () => {
    it('are listed page by page, for every member and for keys with admin', async () => {
      const { teamId, ...people } = await t.team();
      for (const [role, person] of Object.entries(people)) {
        const ctx = t.as(person, teamId, role as never);
        const seen: string[] = [];
        let after: string | undefined;
        do {
          const page = await listMembers(ctx, teamId, { limit: 3, after });
          seen.push(...page.items.map(({ user_id }) => user_id));
          after = page.next_cursor ?? undefined;
        } while (after !== undefined);
        expect((await listMembers(ctx, teamId, { limit: 1 })).total).toBe(4);
        expect(seen).toEqual(
          Object.values(people)
            .map(({ userId }) => userId)
            .toSorted(),
        );
      }
      const { items } = await listMembers(key(teamId), teamId, PAGE);
      expect(items.find(({ role }) => role === 'admin')).toEqual({
        user_id: people.admin.userId,
        name: 'admin',
        email: people.admin.email,
        role: 'admin',
        joined_at: expect.any(String),
      });
      await expect(listMembers(key(teamId, ['read', 'write']), teamId, PAGE)).rejects.toMatchObject(
        FORBIDDEN,
      );
    });
  });

  /** The first team of the installation, which a test database does not have. */
  async function homeTeam(): Promise<{ teamId: string; owner: Person; admin: Person }> {
    const home = await t.team();
    await t.h.db.kysely.updateTable('tenants').set({ is_home: false }).where('is_home', '=', true).execute();
    await t.h.db.kysely.updateTable('tenants').set({ is_home: true }).where('id', '=', home.teamId).execute();
    return home;
  }
});
