import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { openRuns, refusal, refused, UNKNOWN_ID, type Runs } from '../../../test/run-fixture.ts';
import { getSession } from '../session/index.ts';
import {
  advanceRun,
  cancelRun,
  claimRun,
  claimSession,
  closeSession,
  expireWaits,
  getRun,
  postToolResult,
  startRun,
} from './index.ts';

describe.each(ENGINES)('runs on %s', (engine) => {
  let t: Runs;

  beforeAll(async () => {
    t = await openRuns(engine);
  }, 60_000);
  afterAll(() => t.h.close());

  describe('startRun', () => {
    test('queues a run without a message', async () => {
      const { id, agent_id } = await t.session();
      const run = await startRun(t.ctx, id, {});
      expect(run).toMatchObject({ status: 'queued', agent_id, message_id: null });
      expect((await t.expectSound(id)).at(-1)).toMatchObject({
        type: 'run.queued',
        actor: 'key:test',
        data: { run_id: run.id, message_id: null },
      });
    });

    test('refuses missing scope, strangers, unknown agents, closed sessions', async () => {
      const { id } = await t.session({ agent_id: null });
      expect(await refusal(startRun(t.as({ scopes: ['read', 'hold'] }), id, {}))).toBe('FORBIDDEN');
      const stranger = await t.stranger();
      const foreign = await refused(startRun(stranger, id, {}));
      const unknown = await refused(startRun(stranger, UNKNOWN_ID, {}));
      expect([foreign.code, foreign.message]).toEqual(['NOT_FOUND', unknown.message]);
      const nobody = await refused(startRun(t.ctx, id, {}));
      expect([nobody.code, nobody.extras.errors?.[0]?.field]).toEqual(['VALIDATION_ERROR', 'agent_id']);
      expect(await refusal(startRun(t.ctx, id, { agent_id: UNKNOWN_ID }))).toBe('NOT_FOUND');
      await closeSession(t.ctx, id, { status: 'completed', reason: null });
      expect(await refusal(startRun(t.ctx, id, { agent_id: await t.agent() }))).toBe('RESOURCE_CONFLICT');
      expect(await t.types(id)).toEqual(['session.created', 'session.closed']);
    });

    test('an Idempotency-Key makes one run of twins, also where a second is rejected', async () => {
      const { id } = await t.session({ run_policy: 'reject' });
      const ctx = t.as({ idempotencyKey: `start-${id}` });
      const runs = await Promise.all(Array.from({ length: 10 }, () => startRun(ctx, id, {})));
      expect(new Set(runs.map((run) => run.id)).size).toBe(1);
      expect(await refusal(startRun(ctx, id, { agent_id: UNKNOWN_ID }))).toBe('IDEMPOTENCY_MISMATCH');
      expect(await refusal(startRun(t.ctx, id, {}))).toBe('RESOURCE_CONFLICT');
      expect(await t.types(id)).toEqual(['session.created', 'run.queued']);
    });

    test('interrupt cancels what is active', async () => {
      const { id } = await t.session({ run_policy: 'interrupt' });
      const first = await startRun(t.ctx, id, {});
      await t.claim(id);
      const second = await startRun(t.ctx, id, {});
      expect((await t.runs(id)).map((run) => [run.id, run.status])).toEqual([
        [first.id, 'cancelled'],
        [second.id, 'queued'],
      ]);
      await t.expectSound(id);
    });
  });

  describe('cancelRun', () => {
    const reason = { reason: 'enough' };

    test('ends a running run, supersedes its answer and frees the session for the next', async () => {
      const { id } = await t.session();
      const { run } = await t.post(id, 'one');
      const next = await t.post(id, 'two');
      const claim = await t.claim(id);
      expect(await cancelRun(t.ctx, id, run!.id, reason)).toMatchObject({
        status: 'cancelled',
        cancel_reason: 'enough',
      });
      const move = { epoch: claim.epoch, ended: [], begun: [], finish: { status: 'completed' as const } };
      expect(await refusal(advanceRun(t.ctx, id, run!.id, move))).toBe('LEASE_LOST');
      const events = await t.expectSound(id);
      expect(events.slice(-3)).toMatchObject([
        { type: 'message.superseded', data: { message_id: claim.messageId, run_id: run!.id } },
        { type: 'step.failed', data: { error: { code: 'CANCELLED', message: 'enough' } } },
        { type: 'run.cancelled', actor: 'key:test', data: { run_id: run!.id, reason: 'enough', steps: 1 } },
      ]);
      expect((await t.claim(id)).runId).toBe(next.run!.id);
    });

    test('again gives the same answer; what has ended otherwise stays as it is', async () => {
      const { id } = await t.session();
      const { run } = await t.post(id, 'one');
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) => cancelRun(t.ctx, id, run!.id, { reason: `r${i}` })),
      );
      expect(answers).toEqual(answers.map(() => answers[0]));
      expect((await t.types(id)).filter((type) => type === 'run.cancelled').length).toBe(1);
      const other = await t.post(id, 'two');
      const { epoch } = await t.claim(id);
      const finish = { status: 'completed' as const };
      await advanceRun(t.ctx, id, other.run!.id, { epoch, ended: [], begun: [], finish }, true);
      const late = await refused(cancelRun(t.ctx, id, other.run!.id, reason));
      expect([late.code, late.extras.details]).toEqual(['RESOURCE_CONFLICT', { status: 'completed' }]);
      await t.expectSound(id);
    });

    test('a queued run goes without disturbing the one that runs', async () => {
      const { id } = await t.session();
      await t.post(id, 'one');
      const queued = await t.post(id, 'two');
      const { epoch } = await t.claim(id);
      await cancelRun(t.ctx, id, queued.run!.id, reason);
      expect((await getSession(t.ctx, id)).lease).toMatchObject({ epoch, state: 'held' });
      await t.expectSound(id);
    });

    test('refuses missing scope, strangers and unknown runs', async () => {
      const { id } = await t.session();
      const { run } = await t.post(id, 'one');
      expect(await refusal(cancelRun(t.as({ scopes: ['read', 'hold'] }), id, run!.id, reason))).toBe(
        'FORBIDDEN',
      );
      const foreign = await refused(cancelRun(await t.stranger(), id, run!.id, reason));
      const unknown = await refused(cancelRun(t.ctx, id, UNKNOWN_ID, reason));
      const elsewhere = await refused(cancelRun(t.ctx, (await t.session()).id, run!.id, reason));
      for (const error of [foreign, unknown, elsewhere]) {
        expect([error.code, error.message]).toEqual(['NOT_FOUND', 'Run not found.']);
      }
      expect((await getRun(t.ctx, id, run!.id)).status).toBe('queued');
    });

    test('against the end of the run: exactly one of them happens', async () => {
      const { id } = await t.session();
      for (let round = 0; round < 10; round += 1) {
        const { run } = await t.post(id, `round ${round}`);
        const { epoch } = await t.claim(id);
        const move = { epoch, ended: [], begun: [], finish: { status: 'completed' as const } };
        const [ended, cancelled] = await Promise.allSettled([
          advanceRun(t.ctx, id, run!.id, move, true),
          cancelRun(t.ctx, id, run!.id, reason),
        ]);
        expect([ended.status, cancelled.status].sort()).toEqual(['fulfilled', 'rejected']);
      }
      await t.expectSound(id);
    });
  });

  describe('postToolResult', () => {
    /** A run of the server that waits for a client, at step 1. */
    async function waiting() {
      const { id } = await t.session();
      const { run } = await t.post(id, 'hello');
      const { epoch } = await t.claim(id);
      const output = { text: '', tool_calls: [{ call_id: 'c', name: 'ask', input: {} }] };
      const call = { name: 'ask', call_id: 'c', input: {}, policy: 'once' as const, timeout_seconds: 60 };
      const begun = [{ kind: 'tool' as const, ...call, executor: 'client' as const }];
      const ended = [{ step_index: 0, status: 'completed' as const, output }];
      const advanced = await advanceRun(t.ctx, id, run!.id, { epoch, ended, begun }, true);
      expect(advanced.run.status).toBe('waiting');
      return { id, runId: run!.id };
    }

    async function expire(runId: string): Promise<void> {
      const deadline_at = new Date(Date.now() - 1000);
      await t.h.db.kysely.updateTable('steps').set({ deadline_at }).where('run_id', '=', runId).execute();
    }

    test('ends the wait, logs tool.completed, and the run can be claimed again', async () => {
      const { id, runId } = await waiting();
      const claimer = { holder: 'server:x', actor: 'server:x' };
      const key = { tenantId: t.tenantId, sessionId: id };
      expect(await claimRun(t.services, claimer, key)).toBeNull();
      const step = await postToolResult(t.ctx, id, runId, 1, { output: { yes: 1 } });
      expect(step).toMatchObject({ status: 'completed', output: { yes: 1 } });
      expect((await t.expectSound(id)).at(-1)).toMatchObject({
        type: 'tool.completed',
        actor: 'key:test',
        data: { step_index: 1, is_error: false, output: { yes: 1 } },
      });
      expect(await claimRun(t.services, claimer, key)).toMatchObject({ runId });
      expect((await t.log(id)).at(-1)!.type).toBe('run.resumed');
    });

    test('of 20 at once one is taken', async () => {
      const { id, runId } = await waiting();
      const posts = Array.from({ length: 20 }, (_, i) => postToolResult(t.ctx, id, runId, 1, { output: i }));
      const results = await Promise.allSettled(posts);
      expect(results.filter((result) => result.status === 'fulfilled').length).toBe(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'RESOURCE_CONFLICT' });
      }
      expect((await t.types(id)).filter((type) => type === 'tool.completed').length).toBe(1);
    });

    test('an error of the client is a failed step', async () => {
      const { id, runId } = await waiting();
      const step = await postToolResult(t.ctx, id, runId, 1, { error: 'No such element.' });
      const output = { error: { code: 'CLIENT_ERROR', message: 'No such element.' } };
      expect(step).toMatchObject({ status: 'failed', output });
      expect((await t.log(id)).at(-1)!.data).toMatchObject({ is_error: true, output });
    });

    test('an Idempotency-Key makes repeats harmless', async () => {
      const { id, runId } = await waiting();
      const ctx = t.as({ idempotencyKey: `result-${runId}` });
      const post = (output: unknown) => postToolResult(ctx, id, runId, 1, { output });
      const steps = await Promise.all([post(1), post(1), post(1)]);
      expect(steps).toEqual(steps.map(() => steps[0]));
      expect(await refusal(post(2))).toBe('IDEMPOTENCY_MISMATCH');
    });

    test('refuses a step that does not wait, unknown ones, strangers, missing scope', async () => {
      const { id, runId } = await waiting();
      const post = (step: number, ctx = t.ctx, run = runId) =>
        postToolResult(ctx, id, run, step, { output: 1 });
      expect(await refusal(post(0))).toBe('RESOURCE_CONFLICT');
      expect(await refusal(post(2))).toBe('NOT_FOUND');
      expect(await refusal(post(1, t.ctx, UNKNOWN_ID))).toBe('NOT_FOUND');
      expect(await refusal(post(1, await t.stranger()))).toBe('NOT_FOUND');
      expect(await refusal(post(1, t.as({ scopes: ['read', 'hold'] })))).toBe('FORBIDDEN');
      expect((await getRun(t.ctx, id, runId)).status).toBe('waiting');
    });

    test('after the deadline the wait is a recorded failure, and a result comes too late', async () => {
      const { id, runId } = await waiting();
      const fresh = await waiting();
      await expire(runId);
      const found = await Promise.all([expireWaits(t.services), expireWaits(t.h.otherServices())]);
      expect(found.reduce((sum, count) => sum + count)).toBe(1);
      const late = await refused(postToolResult(t.ctx, id, runId, 1, { output: 1 }));
      expect([late.code, late.extras.details]).toEqual(['RESOURCE_CONFLICT', { status: 'failed' }]);
      expect((await t.expectSound(id)).at(-1)).toMatchObject({
        type: 'tool.completed',
        actor: 'system',
        data: { is_error: true, output: { error: { code: 'TIMEOUT' } } },
      });
      expect((await getRun(t.ctx, id, runId)).status).toBe('running');
      expect((await getRun(t.ctx, fresh.id, fresh.runId)).status).toBe('waiting');
    });

    test('cancelled while waiting: ended once, and neither result nor deadline changes it', async () => {
      const { id, runId } = await waiting();
      await cancelRun(t.ctx, id, runId, { reason: 'enough' });
      expect(await refusal(postToolResult(t.ctx, id, runId, 1, { output: 1 }))).toBe('RESOURCE_CONFLICT');
      await expire(runId);
      expect(await expireWaits(t.services)).toBe(0);
      await t.expectSound(id);
    });

    test('result, cancel, close and take-over at once: no run is stuck or ended twice', async () => {
      for (let round = 0; round < 6; round += 1) {
        const { id, runId } = await waiting();
        const results = await Promise.allSettled([
          postToolResult(t.ctx, id, runId, 1, { output: 1 }),
          round % 2 === 0
            ? cancelRun(t.ctx, id, runId, { reason: 'enough' })
            : closeSession(t.ctx, id, { status: 'completed', reason: null }),
          claimSession(t.ctx, id, { holder: 'tab' }),
          t.post(id, 'another'),
        ]);
        for (const result of results) {
          if (result.status === 'rejected')
            expect(result.reason).toMatchObject({ code: 'RESOURCE_CONFLICT' });
        }
        expect((await getRun(t.ctx, id, runId)).status).toBe('cancelled');
        await t.expectSound(id);
      }
    });

    test('a result that meets a take-over leaves no run that waits for nothing', async () => {
      for (let round = 0; round < 10; round += 1) {
        const { id, runId } = await waiting();
        await Promise.all([
          postToolResult(t.ctx, id, runId, 1, { output: 1 }),
          claimSession(t.ctx, id, { holder: 'tab' }),
        ]);
        expect((await getRun(t.ctx, id, runId)).status).toBe('running');
      }
    });
  });

  describe('claimRun', () => {
    test('of 20 servers at once one gets the run', async () => {
      const { id } = await t.session();
      await t.post(id, 'hello');
      const key = { tenantId: t.tenantId, sessionId: id };
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          claimRun(t.services, { holder: `server:${i}`, actor: 's' }, key),
        ),
      );
      expect(claims.filter((claim) => claim !== null).length).toBe(1);
      expect((await t.types(id)).slice(-2)).toEqual(['run.started', 'step.started']);
    });

    test('leaves runs of holders outside, and sessions that are held, alone', async () => {
      const outside = await t.session({ executor: 'external' });
      await t.post(outside.id, 'hello');
      const held = await t.session();
      await claimSession(t.ctx, held.id, { holder: 'tab' });
      await t.post(held.id, 'hello');
      for (const { id } of [outside, held]) {
        const key = { tenantId: t.tenantId, sessionId: id };
        expect(await claimRun(t.services, { holder: 'server:x', actor: 's' }, key)).toBeNull();
      }
    });

    test('an active run comes before a queued one, whatever their ids', async () => {
      const { id } = await t.session();
      const { run } = await t.post(id, 'first');
      const { epoch } = await t.claim(id);
      await t.post(id, 'second');
      const early = '00000000-0000-7000-8000-000000000001';
      await t.h.db.kysely
        .updateTable('runs')
        .set({ id: early })
        .where('session_id', '=', id)
        .where('id', '!=', run!.id)
        .execute();
      await t.silence(id);
      await t.h.db.kysely.updateTable('leases').set({ stalled: true }).where('session_id', '=', id).execute();
      expect(await t.claim(id)).toMatchObject({ runId: run!.id, epoch: epoch + 1 });
    });
  });
});
