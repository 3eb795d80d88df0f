import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { RecordingSink } from '../../../test/log-fixture.ts';
import { ENGINES, silentLogger } from '../../../test/harness.ts';
import {
  ask,
  openRuns,
  refusal,
  say,
  scriptedModels,
  toolsOf,
  type Event,
  type Runs,
} from '../../../test/run-fixture.ts';
import type { Services } from '../../core/context.ts';
import { detectStalled } from '../../core/lease/index.ts';
import type { Tool } from '../../core/ports.ts';
import {
  advanceRun,
  cancelRun,
  expireWaits,
  getRun,
  listSteps,
  postToolResult,
} from '../../core/run/index.ts';
import { getSession } from '../../core/session/index.ts';
import { createAgent } from '../../features/agent/index.ts';
import { createModels } from '../../infra/model/index.ts';
import { createExecutor, type Executor } from './executor.ts';

const CLIENT_TOOL = {
  name: 'ask_human',
  description: '',
  input_schema: { type: 'object' },
  executor: 'client' as const,
  timeout_seconds: 60,
};

describe.each(ENGINES)('the server as a holder on %s', (engine) => {
  let t: Runs;
  const running: Executor[] = [];

  beforeAll(async () => {
    t = await openRuns(engine);
  }, 60_000);
  afterEach(async () => {
    await Promise.all(running.splice(0).map((executor) => executor.stop(0)));
  });
  afterAll(() => t.h.close());

  /** A server of its own, executing. */
  function serve(parts: Partial<Services> = {}): Services {
    const services = { ...t.h.otherServices(), ...parts };
    const executor = createExecutor(services, 4);
    executor.start();
    running.push(executor);
    return services;
  }

  async function ended(id: string, runId: string): Promise<Event[]> {
    await vi.waitFor(async () => expect((await getRun(t.ctx, id, runId)).ended_at).not.toBeNull(), 10_000);
    return t.expectSound(id);
  }
  /** With 250 ms an answer takes longer than a cancel may. */
  const slowModels = (offlineTokenDelayMs = 20) =>
    createModels({ defaultModels: ['offline'], offlineTokenDelayMs, timeoutMs: 10_000 }, silentLogger);
  const typesOf = (events: Event[], runId: string) =>
    events.filter((event) => event.data['run_id'] === runId).map((event) => event.type);

  async function die(id: string): Promise<void> {
    await t.silence(id);
    await detectStalled(t.services, true);
  }

  test('answers a message from the first token to the last, and frees the session', async () => {
    const services = serve();
    const { id } = await t.session();
    const { run } = await t.post(id, 'What is 2 + 3?', undefined, t.as({ services }));
    const events = await ended(id, run!.id);
    expect(typesOf(events, run!.id)).toEqual([
      'run.queued',
      'run.started',
      'step.started',
      'step.completed',
      'message.created',
      'run.completed',
    ]);
    expect((await getSession(t.ctx, id)).lease.state).toBe('free');
  });

  test('runs that queued meanwhile follow in order', async () => {
    const { id } = await t.session();
    const posted = [await t.post(id, 'one'), await t.post(id, 'two'), await t.post(id, 'three')];
    serve();
    const events = await ended(id, posted[2]!.run!.id);
    expect(
      events.filter((event) => event.type === 'run.completed').map((event) => event.data['run_id']),
    ).toEqual(posted.map(({ run }) => run!.id));
  });

  describe('recovery', () => {
    test('what a stopping server does not finish goes to another at once', async () => {
      const first = serve({ models: slowModels(250) });
      const { id } = await t.session();
      const { run } = await t.post(id, 'hello', undefined, t.as({ services: first }));
      await vi.waitFor(async () => expect((await getRun(t.ctx, id, run!.id)).status).toBe('running'));
      await running.shift()!.stop(0);
      expect((await getSession(t.ctx, id)).lease.state).toBe('stalled');
      serve();
      const types = typesOf(await ended(id, run!.id), run!.id);
      expect(types.filter((type) => type === 'run.completed')).toHaveLength(1);
      expect(types).toContain('run.resumed');
    });

    test('a run whose server died is taken over; its partial answer is superseded', async () => {
      const { id } = await t.session();
      const { run } = await t.post(id, 'hello');
      const dead = await t.claim(id);
      await die(id);
      serve();
      const events = await ended(id, run!.id);
      expect(events.slice(3).map((event) => event.type)).toEqual([
        'run.started',
        'step.started',
        'session.stalled',
        'session.recovered',
        'run.resumed',
        'message.superseded',
        'step.started',
        'step.completed',
        'message.created',
        'run.completed',
      ]);
      const answer = (await t.messages(id)).at(-1)!;
      expect(events.find((event) => event.type === 'message.superseded')!.data['message_id']).toBe(
        dead.messageId,
      );
      expect(answer).toMatchObject({ role: 'assistant', run_id: run!.id });
      expect(answer.id).not.toBe(dead.messageId);
      expect(await getRun(t.ctx, id, run!.id)).toMatchObject({ status: 'completed', recoveries: 1 });
    });

    test('a live executor that stalls in mid-answer is fenced, and its successor finishes alone', async () => {
      let release = () => {};
      const stuck = scriptedModels(async function* () {
        yield { type: 'text', text: 'I was saying' };
        await new Promise<void>((resolve) => (release = resolve));
        yield* say(' this.');
      });
      const first = serve({ models: stuck });
      const { id } = await t.session();
      const { run } = await t.post(id, 'hello', undefined, t.as({ services: first }));
      await vi.waitFor(() => expect(stuck.calls.length).toBe(1));
      await die(id);
      serve({ models: scriptedModels(() => say('Done.')) });
      await ended(id, run!.id);
      release();
      await Promise.all(running.splice(0, 1).map((executor) => executor.stop(1000)));
      await t.expectSound(id);
      expect((await t.messages(id)).map((message) => message.content)).toEqual(['hello', 'Done.']);
    });

    test('tools: retry runs again under the same key, once is reported as interrupted, done is not repeated', async () => {
      const keys: Record<string, string[]> = { again: [], once: [], done: [] };
      const tool = (name: string, policy: Tool['policy']) => ({
        name,
        policy,
        execute: async (_input: unknown, { idempotencyKey }: { idempotencyKey: string }) => {
          keys[name]!.push(idempotencyKey);
          return { name };
        },
      });
      const tools = toolsOf(tool('again', 'retry'), tool('once', 'once'), tool('done', 'once'));
      const models = scriptedModels(() => say('Finished.'));
      const services = { ...t.services, tools, models };
      const agent = await agentWith(services, ['again', 'once', 'done']);
      const { id } = await t.session({ agent_id: agent.id });
      const { run } = await t.post(id, 'hello');
      const { epoch } = await t.claim(id);
      const calls = ['again', 'once', 'done'].map((name) => ({ call_id: `c-${name}`, name, input: {} }));
      const output = { text: '', tool_calls: calls, finish_reason: 'tool_calls', model: 'offline' };
      const begun = calls.map((call) => ({
        ...call,
        kind: 'tool' as const,
        policy: call.name === 'again' ? ('retry' as const) : ('once' as const),
        executor: 'server' as const,
      }));
      const end = (step_index: number, value: unknown) => ({
        step_index,
        status: 'completed' as const,
        output: value,
      });
      await advanceRun(t.ctx, id, run!.id, { epoch, ended: [end(0, output)], begun });
      await advanceRun(t.ctx, id, run!.id, { epoch, ended: [end(3, 'was done')], begun: [] });
      await die(id);
      serve(services);
      const events = await ended(id, run!.id);
      expect(keys).toEqual({ again: [`${run!.id}/1`], once: [], done: [] });
      const steps = await listSteps(t.ctx, id, run!.id);
      expect(steps.slice(1, 4)).toMatchObject([
        { status: 'completed', attempt: 2, output: { name: 'again' } },
        { status: 'failed', attempt: 1, output: { error: { code: 'INTERRUPTED' } } },
        { status: 'completed', attempt: 1, output: 'was done' },
      ]);
      const results = models.calls[0]!.messages.filter((message) => message.role === 'tool');
      expect(results.map((result) => [result.name, result.is_error])).toEqual([
        ['again', false],
        ['once', true],
        ['done', false],
      ]);
      expect(events.at(-1)!.type).toBe('run.completed');
    });

    test('with only a client’s tool left open, the run waits again instead of going on without it', async () => {
      const models = scriptedModels(() => say('Thanks.'));
      const { id } = await t.session({}, { tools: [CLIENT_TOOL] });
      const { run } = await t.post(id, 'hello');
      const { epoch } = await t.claim(id);
      const call = { call_id: 'c', input: {}, policy: 'once' as const, kind: 'tool' as const };
      const begun = [
        { ...call, name: 'gone', executor: 'server' as const },
        { ...call, name: 'ask_human', call_id: 'd', executor: 'client' as const, timeout_seconds: 60 },
      ];
      const output = { text: '', tool_calls: [], finish_reason: 'tool_calls', model: 'offline' };
      const ending = [{ step_index: 0, status: 'completed' as const, output }];
      await advanceRun(t.ctx, id, run!.id, { epoch, ended: ending, begun });
      await die(id);
      const services = serve({ models });
      await vi.waitFor(async () => expect((await getRun(t.ctx, id, run!.id)).status).toBe('waiting'));
      expect(models.calls.length).toBe(0);
      expect((await getSession(t.ctx, id)).lease.state).toBe('free');
      await postToolResult(t.as({ services }), id, run!.id, 2, { output: 'yes' });
      await ended(id, run!.id);
      expect(models.calls.length).toBe(1);
    });

    test('a run that every holder dies of fails with RECOVERY_LIMIT, and the next one runs', async () => {
      const { id } = await t.session();
      const { run } = await t.post(id, 'hello');
      const next = await t.post(id, 'next');
      for (let death = 0; death <= t.services.settings.maxRecoveries; death += 1) {
        expect((await t.claim(id)).runId).toBe(run!.id);
        await die(id);
      }
      serve();
      const events = await ended(id, next.run!.id);
      expect(await getRun(t.ctx, id, run!.id)).toMatchObject({
        status: 'failed',
        recoveries: t.services.settings.maxRecoveries,
        error: { code: 'RECOVERY_LIMIT' },
      });
      const stalls = events.filter((event) => event.type === 'session.stalled').length;
      expect(events.filter((event) => event.type === 'session.recovered').length).toBe(stalls);
      expect((await getRun(t.ctx, id, next.run!.id)).status).toBe('completed');
    });

    test('stop leaves what is not done for another server', async () => {
      const services = serve({ models: slowModels() });
      const { id } = await t.session();
      const { run } = await t.post(id, 'hello', undefined, t.as({ services }));
      await vi.waitFor(() => expect(running[0]!.size()).toBe(1));
      await running.splice(0)[0]!.stop(0);
      expect((await getRun(t.ctx, id, run!.id)).status).toBe('running');
      await die(id);
      serve();
      await ended(id, run!.id);
    });
  });

  describe('cancel', () => {
    /** @returns milliseconds until the executor held nothing any more */
    async function cancel(services: Services, id: string, runId: string): Promise<number> {
      const begin = performance.now();
      const cancelled = await cancelRun(t.as({ services }), id, runId, { reason: 'enough' });
      expect(cancelled.status).toBe('cancelled');
      await vi.waitFor(
        () => expect(running.map((executor) => executor.size())).toEqual(running.map(() => 0)),
        {
          timeout: 5000,
          interval: 5,
        },
      );
      return performance.now() - begin;
    }

    test('while the model streams: it stops within a second, and says nothing more', async () => {
      const services = serve({ models: slowModels(250) });
      const { id } = await t.session();
      const { run } = await t.post(id, 'hello', undefined, t.as({ services }));
      const sink = new RecordingSink();
      const target = { tenantId: t.tenantId, sessionId: id };
      const follower = (await services.log.hub.open(target, 0)).start(sink);
      await vi.waitFor(() => expect(sink.ephemeral.length).toBeGreaterThan(0));
      expect(await cancel(services, id, run!.id)).toBeLessThan(1000);
      const events = await t.expectSound(id);
      expect(events.slice(-3).map((event) => event.type)).toEqual([
        'message.superseded',
        'step.failed',
        'run.cancelled',
      ]);
      expect((await t.messages(id)).length).toBe(1);
      follower.stop();
    });

    test('from another server, by the bus', async () => {
      const services = serve({ models: slowModels(250) });
      const { id } = await t.session();
      const { run } = await t.post(id, 'hello', undefined, t.as({ services }));
      await vi.waitFor(() => expect(running[0]!.size()).toBe(1));
      const other = t.h.otherServices({ bus: services.bus });
      expect(await cancel(other, id, run!.id)).toBeLessThan(1000);
      await t.expectSound(id);
    });

    test('while a tool runs that heeds no signal, and the next run starts', async () => {
      let signal: AbortSignal | null = null;
      const tools = toolsOf({
        name: 'stuck',
        execute: (_input, context) => {
          signal = context.signal;
          return new Promise(() => {});
        },
      });
      const models = scriptedModels((_call, turn) => (turn === 0 ? ask({ name: 'stuck' }) : say('Next.')));
      const services = serve({ models, tools });
      const agent_id = (await agentWith(services, ['stuck'])).id;
      const { id } = await t.session({ agent_id });
      const { run } = await t.post(id, 'hello', undefined, t.as({ services }));
      await vi.waitFor(() => expect(signal).not.toBeNull());
      const next = await t.post(id, 'next', undefined, t.as({ services }));
      const begin = performance.now();
      await cancelRun(t.as({ services }), id, run!.id, { reason: 'enough' });
      await ended(id, next.run!.id);
      expect(performance.now() - begin).toBeLessThan(1000);
      expect(signal!.aborted).toBe(true);
      expect((await t.messages(id)).at(-1)).toMatchObject({ content: 'Next.', run_id: next.run!.id });
    });

    test('while it waits for a client, and while it is queued', async () => {
      const models = scriptedModels(() => ask({ name: 'ask_human' }));
      const services = serve({ models });
      const { id } = await t.session({}, { tools: [CLIENT_TOOL] });
      const { run } = await t.post(id, 'hello', undefined, t.as({ services }));
      await vi.waitFor(async () => expect((await getRun(t.ctx, id, run!.id)).status).toBe('waiting'));
      const queued = await t.post(id, 'next', undefined, t.as({ services }));
      await cancelRun(t.as({ services }), id, queued.run!.id, { reason: 'enough' });
      await cancelRun(t.as({ services }), id, run!.id, { reason: 'enough' });
      expect(await refusal(postToolResult(t.ctx, id, run!.id, 1, { output: 1 }))).toBe('RESOURCE_CONFLICT');
      expect((await t.runs(id)).map((each) => each.status)).toEqual(['cancelled', 'cancelled']);
      await t.expectSound(id);
      expect(models.calls.length).toBe(1);
    });

    test('a follower that goes away cancels nothing', async () => {
      const services = serve({ models: slowModels() });
      const { id } = await t.session();
      const target = { tenantId: t.tenantId, sessionId: id };
      const sink = new RecordingSink();
      const follower = (await services.log.hub.open(target, 0)).start(sink);
      const { run } = await t.post(id, 'hello', undefined, t.as({ services }));
      await vi.waitFor(() => expect(sink.ephemeral.length).toBeGreaterThan(1));
      follower.stop();
      const events = await ended(id, run!.id);
      expect(events.at(-1)!.type).toBe('run.completed');
    });
  });

  describe('client tools', () => {
    const models = () =>
      scriptedModels((_call, turn) =>
        turn === 0 ? ask({ name: 'ask_human', input: { q: 1 } }) : say('So be it.'),
      );

    test('the run parks without a lease, and goes on with the result', async () => {
      const model = models();
      const services = serve({ models: model });
      const { id } = await t.session({}, { tools: [CLIENT_TOOL] });
      const { run } = await t.post(id, 'hello', undefined, t.as({ services }));
      await vi.waitFor(async () => expect((await getRun(t.ctx, id, run!.id)).status).toBe('waiting'));
      expect((await getSession(t.ctx, id)).lease.state).toBe('free');
      const called = (await t.log(id)).at(-1)!;
      expect(called).toMatchObject({ type: 'tool.called', data: { executor: 'client', input: { q: 1 } } });
      await postToolResult(t.as({ services }), id, run!.id, 1, { output: { a: 2 } });
      const events = await ended(id, run!.id);
      expect(events.at(-1)!.type).toBe('run.completed');
      expect(model.calls[1]!.messages.at(-1)).toMatchObject({
        role: 'tool',
        output: { a: 2 },
        is_error: false,
      });
      expect((await getRun(t.ctx, id, run!.id)).recoveries).toBe(0);
    });

    test('an expired wait is told to the model as a failure, and the run ends', async () => {
      const model = models();
      const services = serve({ models: model });
      const { id } = await t.session({}, { tools: [CLIENT_TOOL] });
      const { run } = await t.post(id, 'hello', undefined, t.as({ services }));
      await vi.waitFor(async () => expect((await getRun(t.ctx, id, run!.id)).status).toBe('waiting'));
      const deadline_at = new Date(Date.now() - 1000);
      await t.h.db.kysely.updateTable('steps').set({ deadline_at }).where('run_id', '=', run!.id).execute();
      await expireWaits(services);
      await ended(id, run!.id);
      expect(model.calls[1]!.messages.at(-1)).toMatchObject({
        is_error: true,
        output: { error: { code: 'TIMEOUT' } },
      });
    });
  });

  /** An agent that lists tools which only that server has. */
  async function agentWith(services: Services, tools: string[]) {
    const budgets = { steps: 20, tokens: 200_000, seconds: 600 };
    return createAgent(t.as({ services }), {
      project_id: t.projectId,
      name: 'a',
      instructions: '',
      model: 'offline',
      tools,
      budgets,
    });
  }
});
