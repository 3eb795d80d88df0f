import { afterEach, describe, expect, it } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../test/harness.ts';
import { createAgent, getAgent, updateAgent } from '../features/agent/index.ts';
import type { Ctx } from './context.ts';
import { createProject, getProject, updateProject } from './project/index.ts';
import { createSession, getSession, updateSession } from './session/index.ts';

const open: Harness[] = [];
afterEach(async () => {
  for (const h of open.splice(0)) await h.close();
});

interface Kind {
  make(ctx: Ctx, projectId: string): Promise<{ id: string; version: number }>;
  change(ctx: Ctx, id: string, value: string): Promise<{ version: number }>;
  read(ctx: Ctx, id: string): Promise<{ version: number; value: unknown }>;
}

const AGENT = {
  name: 'A',
  instructions: '',
  model: 'offline',
  tools: [],
  budgets: { steps: 1, tokens: 1, seconds: 1 },
};
const SESSION = {
  agent_id: null,
  kind: 'chat',
  title: null,
  metadata: {},
  run_policy: 'queue',
  executor: 'server',
} as const;

const KINDS: Record<string, Kind> = {
  project: {
    make: (ctx) => createProject(ctx, { name: 'P', metadata: {} }),
    change: (ctx, id, name) => updateProject(ctx, id, { name }),
    read: async (ctx, id) => ({ ...(await getProject(ctx, id)), value: (await getProject(ctx, id)).name }),
  },
  agent: {
    make: (ctx, project_id) => createAgent(ctx, { ...AGENT, project_id }),
    change: (ctx, id, name) => updateAgent(ctx, id, { name }),
    read: async (ctx, id) => ({ ...(await getAgent(ctx, id)), value: (await getAgent(ctx, id)).name }),
  },
  session: {
    make: (ctx, project_id) => createSession(ctx, { ...SESSION, project_id }),
    change: (ctx, id, title) => updateSession(ctx, id, { title }),
    read: async (ctx, id) => ({ ...(await getSession(ctx, id)), value: (await getSession(ctx, id)).title }),
  },
};

const knowing = (ctx: Ctx, version: number): Ctx => ({
  ...ctx,
  ifMatch: (current) => (current as { version: number }).version === version,
});

describe.each(ENGINES)('If-Match on %s', (engine) => {
  describe.each(Object.keys(KINDS))('of a %s', (name) => {
    const kind = KINDS[name]!;
    const setUp = async () => {
      const h = await openHarness({ engine });
      open.push(h);
      const { tenantId, projectId } = await h.createTenant();
      const ctx = h.ctxFor({ tenantId });
      const made = await kind.make(ctx, projectId);
      return { h, ctx, made };
    };

    it('each change raises the version by one', async () => {
      const { ctx, made } = await setUp();
      expect(made.version).toBe(1);
      expect((await kind.change(ctx, made.id, 'one')).version).toBe(2);
      expect((await kind.change(knowing(ctx, 2), made.id, 'two')).version).toBe(3);
      expect(await kind.read(ctx, made.id)).toMatchObject({ version: 3, value: 'two' });
    });

    it('a stale one changes nothing', async () => {
      const { ctx, made } = await setUp();
      await kind.change(ctx, made.id, 'theirs');
      const mine = kind.change(knowing(ctx, 1), made.id, 'mine');
      await expect(mine).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
      expect(await kind.read(ctx, made.id)).toMatchObject({ version: 2, value: 'theirs' });
    });

    it('of twenty parallel changes to one version exactly one wins', async () => {
      const { ctx, made } = await setUp();
      const changes = Array.from({ length: 20 }, (_, i) =>
        kind.change(knowing(ctx, 1), made.id, `value ${i}`),
      );
      const settled = await Promise.allSettled(changes);
      const won = settled.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
      expect(won).toHaveLength(1);
      for (const result of settled)
        if (result.status === 'rejected')
          expect(result.reason).toMatchObject({ code: 'PRECONDITION_FAILED' });
      expect(await kind.read(ctx, made.id)).toMatchObject({ version: 2, value: `value ${won[0]}` });
    });

    it("another tenant's is not found, whatever the header says", async () => {
      const { h, made } = await setUp();
      const { tenantId } = await h.createTenant();
      const stranger = { ...h.ctxFor({ tenantId }), ifMatch: () => false };
      await expect(kind.change(stranger, made.id, 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });

  it('changes of projects and agents are audited with before and after, refused ones are not', async () => {
    const h = await openHarness({ engine });
    open.push(h);
    const { tenantId, projectId } = await h.createTenant();
    const ctx = h.ctxFor({ tenantId });
    const agent = await KINDS['agent']!.make(ctx, projectId);
    await KINDS['project']!.change(ctx, projectId, 'Renamed');
    await KINDS['agent']!.change(ctx, agent.id, 'Renamed');
    await expect(KINDS['agent']!.change(knowing(ctx, 1), agent.id, 'No')).rejects.toThrow();
    const entries = await h.db.kysely
      .selectFrom('audit_entries')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .execute();
    const actions = entries.map(({ action }) => action).sort();
    expect(actions).toEqual(['agent.created', 'agent.updated', 'project.updated']);
    const changed = entries.find(({ action }) => action === 'agent.updated');
    expect(JSON.stringify(changed)).toContain('Renamed');
  });
});
