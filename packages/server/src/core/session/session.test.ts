import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { openRuns, refusal, refused, UNKNOWN_ID, type Runs } from '../../../test/run-fixture.ts';
import { createProject, getProject, updateProject } from '../project/index.ts';
import { closeSession } from '../run/index.ts';
import { createSession, getSession, listSessions, updateSession } from './index.ts';

describe.each(ENGINES)('projects and sessions on %s', (engine) => {
  let t: Runs;

  beforeAll(async () => {
    t = await openRuns(engine);
  }, 60_000);
  afterAll(() => t.h.close());

  const input = (agent_id: string | null = null) => ({
    project_id: t.projectId,
    agent_id,
    kind: 'chat' as const,
    title: 'First',
    metadata: { a: 1 },
    run_policy: 'queue' as const,
    executor: 'server' as const,
  });

  describe('createProject and updateProject', () => {
    test('are the tenant’s own, and need the scope write', async () => {
      const project = await createProject(t.ctx, { name: 'P', metadata: { a: 1 } });
      expect(await getProject(t.ctx, project.id)).toEqual(project);
      const changed = await updateProject(t.ctx, project.id, { name: 'Q' });
      expect(changed).toMatchObject({ id: project.id, name: 'Q', metadata: { a: 1 } });
      expect(changed.updated_at > project.updated_at).toBe(true);

      const reader = t.as({ scopes: ['read'] });
      expect(await refusal(createProject(reader, { name: 'P', metadata: {} }))).toBe('FORBIDDEN');
      expect(await refusal(updateProject(reader, project.id, { name: 'R' }))).toBe('FORBIDDEN');
      const stranger = await t.stranger();
      const foreign = await refused(updateProject(stranger, project.id, { name: 'R' }));
      const unknown = await refused(updateProject(stranger, UNKNOWN_ID, { name: 'R' }));
      expect([foreign.code, foreign.message, foreign.extras]).toEqual([
        'NOT_FOUND',
        unknown.message,
        unknown.extras,
      ]);
      expect((await getProject(t.ctx, project.id)).name).toBe('Q');
    });

    test('an Idempotency-Key makes one project of twins and repeats', async () => {
      const ctx = t.as({ idempotencyKey: 'project-1' });
      const made = await Promise.all(
        Array.from({ length: 8 }, () => createProject(ctx, { name: 'Once', metadata: {} })),
      );
      expect(new Set(made.map((project) => project.id)).size).toBe(1);
      let replayed = 0;
      const again = { ...ctx, onReplay: () => (replayed += 1) };
      expect(await createProject(again, { metadata: {}, name: 'Once' })).toEqual(made[0]);
      expect(replayed).toBe(1);
      expect(await refusal(createProject(ctx, { name: 'Other', metadata: {} }))).toBe('IDEMPOTENCY_MISMATCH');
    });
  });

  describe('createSession', () => {
    test('writes the session, a free lease and session.created as event 1', async () => {
      const session = await createSession(t.ctx, input());
      expect(session).toMatchObject({ ...input(), status: 'active', message_count: 0, last_seq: 1 });
      expect(session.lease).toMatchObject({ epoch: 0, state: 'free', holder: null });
      expect(await getSession(t.ctx, session.id)).toEqual(session);
      const events = await t.expectSound(session.id);
      expect(events).toMatchObject([
        {
          type: 'session.created',
          actor: 'key:test',
          data: { kind: 'chat', title: 'First', project_id: t.projectId, agent_id: null },
        },
      ]);
    });

    test('refuses readers, and projects and agents that are not the tenant’s', async () => {
      expect(await refusal(createSession(t.as({ scopes: ['read', 'hold'] }), input()))).toBe('FORBIDDEN');
      const stranger = await t.stranger();
      const foreign = await refused(createSession(stranger, input()));
      expect([foreign.code, foreign.message]).toEqual(['NOT_FOUND', 'Project not found.']);
      const own = await createProject(stranger, { name: 'P', metadata: {} });
      const agent = await refused(createSession(stranger, { ...input(await t.agent()), project_id: own.id }));
      expect([agent.code, agent.message]).toEqual(['NOT_FOUND', 'Agent not found.']);
      expect((await listSessions(stranger, { limit: 20 })).items).toEqual([]);
    });

    test('an Idempotency-Key makes one session of twins; another request with it is refused', async () => {
      const ctx = t.as({ idempotencyKey: 'session-1' });
      const made = await Promise.all(Array.from({ length: 8 }, () => createSession(ctx, input())));
      expect(new Set(made.map((session) => session.id)).size).toBe(1);
      expect(await createSession(ctx, input())).toEqual(made[0]);
      expect(await refusal(createSession(ctx, { ...input(), title: 'Other' }))).toBe('IDEMPOTENCY_MISMATCH');
      const other = await t.stranger();
      const project = await createProject(other, { name: 'P', metadata: {} });
      const theirs = { ...other, idempotencyKey: 'session-1' };
      const session = await createSession(theirs, { ...input(), project_id: project.id });
      expect(session.id).not.toBe(made[0]!.id);
    });

    test('a request that failed does not use up its Idempotency-Key', async () => {
      const ctx = t.as({ idempotencyKey: 'session-2' });
      expect(await refusal(createSession(ctx, input(UNKNOWN_ID)))).toBe('NOT_FOUND');
      expect((await createSession(ctx, input())).title).toBe('First');
    });
  });

  describe('updateSession', () => {
    test('changes the given fields and logs them', async () => {
      const session = await createSession(t.ctx, input());
      const agent_id = await t.agent();
      const changed = await updateSession(t.ctx, session.id, { agent_id, metadata: { b: 2 } });
      expect(changed).toMatchObject({ title: 'First', agent_id, metadata: { b: 2 }, last_seq: 2 });
      expect((await t.expectSound(session.id))[1]).toMatchObject({
        type: 'session.updated',
        data: { changes: { agent_id, metadata: { b: 2 } } },
      });
    });

    test('refuses readers, strangers and foreign agents, and writes nothing', async () => {
      const session = await createSession(t.ctx, input());
      const change = { title: 'Other' };
      expect(await refusal(updateSession(t.as({ scopes: ['read'] }), session.id, change))).toBe('FORBIDDEN');
      const stranger = await t.stranger();
      const foreign = await refused(updateSession(stranger, session.id, change));
      const unknown = await refused(updateSession(stranger, UNKNOWN_ID, change));
      const malformed = await refused(updateSession(stranger, 'nonsense', change));
      for (const error of [foreign, malformed]) {
        expect([error.code, error.message, error.extras]).toEqual([
          unknown.code,
          unknown.message,
          unknown.extras,
        ]);
      }
      expect(await refusal(updateSession(t.ctx, session.id, { agent_id: UNKNOWN_ID }))).toBe('NOT_FOUND');
      expect(await getSession(t.ctx, session.id)).toEqual(session);
    });
  });

  describe('closeSession', () => {
    const close = { status: 'completed', reason: 'done' } as const;

    test('cancels what is unfinished, revokes the lease, and logs session.closed last', async () => {
      const session = await t.session();
      const first = await t.post(session.id, 'one');
      const second = await t.post(session.id, 'two');
      const claim = await t.claim(session.id);
      const closed = await closeSession(t.ctx, session.id, close);
      expect(closed).toMatchObject({ status: 'completed', lease: { state: 'free', holder: null } });
      expect(closed.lease.epoch).toBeGreaterThan(claim.epoch);
      expect(closed.completed_at).not.toBeNull();
      const events = await t.expectSound(session.id);
      expect(events.slice(-5).map((event) => [event.type, event.data['run_id']])).toEqual([
        ['message.superseded', first.run!.id],
        ['step.failed', first.run!.id],
        ['run.cancelled', first.run!.id],
        ['run.cancelled', second.run!.id],
        ['session.closed', undefined],
      ]);
      expect(events.at(-1)!.data).toEqual(close);
      expect(await closeSession(t.ctx, session.id, close)).toEqual(closed);
      expect(await refusal(closeSession(t.ctx, session.id, { ...close, status: 'failed' }))).toBe(
        'RESOURCE_CONFLICT',
      );
      expect((await t.log(session.id)).length).toBe(events.length);
    });

    test('refuses readers and strangers', async () => {
      const session = await createSession(t.ctx, input());
      const reader = t.as({ scopes: ['read', 'hold'] });
      expect(await refusal(closeSession(reader, session.id, close))).toBe('FORBIDDEN');
      expect(await refusal(closeSession(await t.stranger(), session.id, close))).toBe('NOT_FOUND');
      expect((await getSession(t.ctx, session.id)).status).toBe('active');
    });

    test('ten at once close it once', async () => {
      const session = await createSession(t.ctx, input());
      await Promise.all(Array.from({ length: 10 }, () => closeSession(t.ctx, session.id, close)));
      expect(await t.types(session.id)).toEqual(['session.created', 'session.closed']);
    });
  });
});
