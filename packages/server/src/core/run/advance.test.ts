import { randomUUID } from 'node:crypto';
import type { AdvanceRun } from '@holdfast/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { openRuns, refusal, refused, UNKNOWN_ID, type Runs } from '../../../test/run-fixture.ts';
import { detectStalled } from '../lease/index.ts';
import { getSession } from '../session/index.ts';
import {
  advanceRun,
  cancelRun,
  claimSession,
  closeSession,
  getRun,
  listSteps,
  postToolResult,
} from './index.ts';

type Move = Omit<AdvanceRun, 'ended' | 'begun'> & Partial<Pick<AdvanceRun, 'ended' | 'begun'>>;

describe.each(ENGINES)('advanceRun by a holder outside on %s', (engine) => {
  let t: Runs;

  beforeAll(async () => {
    t = await openRuns(engine);
  }, 60_000);
  afterAll(() => t.h.close());

  /** A session whose run a holder outside has just started. */
  async function held(texts = ['hello']) {
    const { id } = await t.session({ executor: 'external' });
    for (const text of texts) await t.post(id, text);
    const { run, epoch } = await claimSession(t.ctx, id, { holder: 'tab-1' });
    const runId = run!.id;
    const advance = (move: Omit<Move, 'epoch'> & { epoch?: number }, ctx = t.ctx) =>
      advanceRun(ctx, id, runId, { epoch, ended: [], begun: [], ...move });
    return { id, runId, epoch, advance };
  }
  const model = (message_id = randomUUID()) => ({ kind: 'model' as const, name: 'm', message_id });
  const tool = (executor: 'server' | 'client' = 'server') => ({
    kind: 'tool' as const,
    name: 'look',
    call_id: 'c1',
    input: { a: 1 },
    policy: 'once' as const,
    executor,
  });
  const done = (step_index: number, output: unknown = {}) => ({
    step_index,
    status: 'completed' as const,
    output,
    usage: { input_tokens: 3, output_tokens: 2 },
  });
  const completed = { status: 'completed' as const };
  const failed = { status: 'failed' as const, error: { code: 'BROKEN', message: 'It broke.' } };

  test('takes a run from its start to its end, each move one append', async () => {
    const { id, runId, advance } = await held();
    const messageId = randomUUID();
    expect(await advance({ begun: [model(messageId)] })).toMatchObject({ begun: [0] });
    const calls = { text: 'Let me see.', tool_calls: [{}] };
    const said = { id: messageId, content: 'Let me see.' };
    const second = await advance({ ended: [done(0, calls)], message: said, begun: [tool()] });
    expect(second).toMatchObject({ begun: [1], run: { status: 'running', step_count: 2 } });
    const answerId = randomUUID();
    await advance({ ended: [done(1, { found: 1 })], begun: [model(answerId)] });
    const last = await advance({
      ended: [done(2)],
      message: { id: answerId, content: 'One.' },
      finish: completed,
    });
    expect(last.run).toMatchObject({ status: 'completed', usage: { input_tokens: 9, output_tokens: 6 } });
    const events = await t.expectSound(id);
    expect(events.slice(3).map((event) => event.type)).toEqual([
      'lease.claimed',
      'run.started',
      'step.started',
      'step.completed',
      'message.created',
      'tool.called',
      'tool.completed',
      'step.started',
      'step.completed',
      'message.created',
      'run.completed',
    ]);
    expect(events.at(-1)!.data).toEqual({
      run_id: runId,
      steps: 3,
      usage: { input_tokens: 9, output_tokens: 6 },
    });
    expect((await t.messages(id)).map(({ role, content }) => [role, content])).toEqual([
      ['user', 'hello'],
      ['assistant', 'Let me see.'],
      ['assistant', 'One.'],
    ]);
    expect((await getSession(t.ctx, id)).lease.state).toBe('held');
  });

  test('is all or nothing', async () => {
    const { id, advance } = await held();
    await advance({ begun: [model()] });
    const before = [await t.log(id), await t.runs(id), await t.messages(id)];
    const bad: Omit<Move, 'epoch'>[] = [
      { ended: [done(0), done(0)], message: { content: 'x' } },
      { ended: [done(0), done(7)], message: { content: 'x' } },
      { ended: [done(2_000_000_000_000)] },
      { ended: [done(0)], begun: [tool()], message: { content: 'x' }, finish: completed },
    ];
    const codes = await Promise.all(bad.map((move) => refusal(advance(move))));
    expect(codes).toEqual([
      'RESOURCE_CONFLICT',
      'RESOURCE_CONFLICT',
      'RESOURCE_CONFLICT',
      'VALIDATION_ERROR',
    ]);
    expect([await t.log(id), await t.runs(id), await t.messages(id)]).toEqual(before);
  });

  test('a step ends once, and a run ends once', async () => {
    const { id, advance } = await held();
    await advance({ begun: [model()] });
    await advance({ ended: [done(0)], begun: [model()] });
    const twice = await refused(advance({ ended: [done(0)] }));
    expect([twice.code, twice.extras.details]).toEqual(['RESOURCE_CONFLICT', { step_index: 0 }]);
    const ends = await Promise.allSettled([
      advance({ ended: [done(1)], finish: completed }),
      advance({ finish: failed }),
      advance({ ended: [done(1)], finish: completed }),
    ]);
    expect(ends.filter((end) => end.status === 'fulfilled').length).toBe(1);
    expect(await refusal(advance({ begun: [model()] }))).toBe('RESOURCE_CONFLICT');
    await t.expectSound(id);
  });

  test.each([
    ['failed', failed, 'BROKEN'],
    ['completed', completed, 'ABANDONED'],
  ] as const)('the end %s ends open steps and supersedes an open answer', async (status, finish, code) => {
    const { id, runId, advance } = await held();
    const messageId = randomUUID();
    await advance({ begun: [model(messageId), tool(), tool('client')] });
    await advance({ finish });
    const steps = await listSteps(t.ctx, id, runId);
    expect(steps.map((step) => [step.status, step.output])).toMatchObject([
      ['failed', { error: { code } }],
      ['failed', { error: { code } }],
      ['failed', { error: { code } }],
    ]);
    const events = await t.expectSound(id);
    expect(events.slice(-5).map((event) => event.type)).toEqual([
      'message.superseded',
      'step.failed',
      'tool.completed',
      'tool.completed',
      `run.${status}`,
    ]);
    expect(events.at(-5)!.data['message_id']).toBe(messageId);
  });

  test('an answer that is given with the end is not superseded', async () => {
    const { id, advance } = await held();
    const messageId = randomUUID();
    await advance({ begun: [model(messageId)] });
    await advance({ message: { id: messageId, content: 'Done.' }, finish: completed });
    expect(await t.types(id)).not.toContain('message.superseded');
    await t.expectSound(id);
  });

  test('what waits for a client alone makes the run wait, and its result lets it go on', async () => {
    const { id, runId, advance } = await held();
    await advance({ begun: [model()] });
    const both = await advance({ ended: [done(0)], begun: [tool('client'), tool()] });
    expect(both.run.status).toBe('running');
    const parked = await advance({ ended: [done(2)] });
    expect(parked.run.status).toBe('waiting');
    expect((await t.log(id)).findLast((event) => event.type === 'tool.called')).toMatchObject({
      data: { executor: 'server', deadline_at: null },
    });
    await postToolResult(t.ctx, id, runId, 1, { output: { ok: true } });
    expect((await getRun(t.ctx, id, runId)).status).toBe('running');
    await advance({ finish: completed });
    await t.expectSound(id);
  });

  test('the lease is given back when the server’s executor parks or ends', async () => {
    const { id } = await t.session();
    await t.post(id, 'hello');
    const claim = await t.claim(id);
    const base = { epoch: claim.epoch, ended: [], begun: [] };
    await advanceRun(t.ctx, id, claim.runId, { ...base, ended: [done(0)], begun: [tool('client')] }, true);
    expect((await getSession(t.ctx, id)).lease).toMatchObject({ state: 'free', epoch: claim.epoch });
    expect(await refusal(advanceRun(t.ctx, id, claim.runId, { ...base, finish: completed }, true))).toBe(
      'LEASE_LOST',
    );
    await t.expectSound(id);
  });

  test('the first move of the next run starts it; a later one has to wait for its turn', async () => {
    const { id, epoch, advance } = await held(['one', 'two', 'three']);
    const [, second, third] = await t.runs(id);
    const move = (runId: string, finish?: AdvanceRun['finish']) =>
      advanceRun(t.ctx, id, runId, {
        epoch,
        ended: [],
        begun: [],
        ...(finish === undefined ? {} : { finish }),
      });
    expect(await refusal(move(second!.id))).toBe('RESOURCE_CONFLICT');
    await advance({ finish: completed });
    expect(await refusal(move(third!.id, completed))).toBe('RESOURCE_CONFLICT');
    expect((await move(second!.id, completed)).run.status).toBe('completed');
    const events = await t.expectSound(id);
    expect(events.filter((e) => e.data['run_id'] === second!.id).map((e) => e.type)).toEqual([
      'run.queued',
      'run.started',
      'run.completed',
    ]);
    expect((await getRun(t.ctx, id, third!.id)).status).toBe('queued');
  });

  test('who was replaced is fenced; the successor gets the steps and finishes', async () => {
    const { id, runId, advance } = await held();
    const messageId = randomUUID();
    await advance({ begun: [model()] });
    const retried = { ...tool(), policy: 'retry' as const };
    await advance({ ended: [done(0)], begun: [retried, tool(), tool('client'), model(messageId)] });
    await t.silence(id);
    await detectStalled(t.services, true);
    const next = await claimSession(t.ctx, id, { holder: 'tab-2' });
    expect(next.run).toMatchObject({ id: runId, recoveries: 1, epoch: next.epoch });
    const [, again, once, client, thought] = next.steps;
    expect(again).toMatchObject({ status: 'started', attempt: 2, idempotency_key: `${runId}/1` });
    expect(once).toMatchObject({ status: 'failed', output: { error: { code: 'INTERRUPTED' } } });
    expect(client).toMatchObject({ status: 'waiting', attempt: 1 });
    expect(thought).toMatchObject({ status: 'started', attempt: 2 });
    expect(thought!.message_id).not.toBe(messageId);
    expect(await refusal(advance({ ended: [done(1)] }))).toBe('LEASE_LOST');
    expect(await refusal(advance({ message: { id: messageId, content: 'late' }, finish: completed }))).toBe(
      'LEASE_LOST',
    );
    const { epoch } = next;
    const said = { id: thought!.message_id!, content: 'Done.' };
    await advance({ epoch, ended: [done(1), done(4)], message: said, finish: completed });
    const events = await t.expectSound(id);
    expect(events.filter((e) => e.type === 'message.superseded').map((e) => e.data['message_id'])).toEqual([
      messageId,
    ]);
    expect(events.find((event) => event.type === 'run.resumed')!.data).toMatchObject({ from_step: 1 });
  });

  test('the same holder claiming anew after giving its lease back is not counted as a recovery', async () => {
    const { id } = await t.session();
    await t.post(id, 'hello');
    const { runId, epoch } = await t.claim(id);
    const parked = { epoch, ended: [done(0)], begun: [tool('client')] };
    await advanceRun(t.ctx, id, runId, parked, true);
    expect((await claimSession(t.ctx, id, { holder: 'tab' })).run).toMatchObject({
      status: 'waiting',
      recoveries: 0,
    });
  });

  test('refuses missing scope, strangers, unknown runs, and a closed session', async () => {
    const { id, epoch, advance } = await held();
    expect(await refusal(advance({ finish: completed }, t.as({ scopes: ['read', 'write'] })))).toBe(
      'FORBIDDEN',
    );
    const stranger = await t.stranger();
    const foreign = await refused(advance({ finish: completed }, stranger));
    const move = { epoch, ended: [], begun: [], finish: completed };
    const unknown = await refused(advanceRun(stranger, UNKNOWN_ID, UNKNOWN_ID, move));
    expect([foreign.code, foreign.message]).toEqual(['NOT_FOUND', unknown.message]);
    expect(await refusal(advanceRun(t.ctx, id, UNKNOWN_ID, move))).toBe('NOT_FOUND');
    const other = await held();
    expect(await refusal(advanceRun(t.ctx, id, other.runId, move))).toBe('NOT_FOUND');
    await closeSession(t.ctx, id, { status: 'completed', reason: null });
    expect(await refusal(advance({ finish: completed }))).toBe('LEASE_LOST');
    await t.expectSound(id);
  });

  test('an Idempotency-Key makes one move of twins', async () => {
    const { id, advance } = await held();
    const ctx = t.as({ idempotencyKey: `move-${id}` });
    const begun = [model()];
    const moves = await Promise.all(Array.from({ length: 10 }, () => advance({ begun }, ctx)));
    expect(moves.map((move) => move.begun)).toEqual(moves.map(() => [0]));
    expect(await refusal(advance({ begun: [model()] }, ctx))).toBe('IDEMPOTENCY_MISMATCH');
    expect((await t.types(id)).filter((type) => type === 'step.started').length).toBe(1);
  });

  test('a holder outside keeps its lease when its run is cancelled, and finds it ended', async () => {
    const { id, runId, epoch, advance } = await held();
    const serverRun = await t.session();
    await t.post(serverRun.id, 'hello');
    const taken = await claimSession(t.ctx, serverRun.id, { holder: 'tab' });
    for (const [session, run] of [
      [id, runId],
      [serverRun.id, taken.run!.id],
    ] as const) {
      await cancelRun(t.ctx, session, run, { reason: 'enough' });
      expect((await getSession(t.ctx, session)).lease).toMatchObject({ state: 'held', epoch });
    }
    const late = await refused(advance({ finish: completed }));
    expect([late.code, late.extras.details]).toEqual(['RESOURCE_CONFLICT', { status: 'cancelled' }]);
    await t.expectSound(id);
  });
});
