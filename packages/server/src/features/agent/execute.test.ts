import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AgentSnapshot } from '@holdfast/protocol';
import { ENGINES } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import {
  ask,
  finish,
  openRuns,
  say,
  scriptedModels,
  toolsOf,
  type Runs,
  type Script,
} from '../../../test/run-fixture.ts';
import type { Services } from '../../core/context.ts';
import { DomainError } from '../../core/errors.ts';
import type { Tools } from '../../core/ports.ts';
import { claimRun, getRun, listSteps } from '../../core/run/index.ts';
import { addMessage, countMessage } from '../../core/session/index.ts';
import { createAgent, executeRun } from './index.ts';

const BUDGETS: AgentSnapshot['budgets'] = { steps: 20, tokens: 200_000, seconds: 600 };

describe.each(ENGINES)('executeRun on %s', (engine) => {
  let t: Runs;
  const stop = new AbortController();

  beforeAll(async () => {
    t = await openRuns(engine);
  }, 60_000);
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => t.h.close());

  /** Posts a message to an agent with that model and those tools, and executes the run to its end. */
  async function execute(
    script: Script,
    {
      tools = toolsOf(),
      listed,
      budgets = {},
      services: more = {},
    }: {
      tools?: Tools;
      listed?: string[];
      budgets?: Partial<typeof BUDGETS>;
      services?: Partial<Services>;
    } = {},
  ) {
    const models = scriptedModels(script);
    const services: Services = { ...t.services, ...more, models, tools };
    const agent = await createAgent(t.as({ services }), {
      project_id: t.projectId,
      name: 'a',
      instructions: 'Be brief.',
      model: 'offline',
      tools: listed ?? (await tools.names()),
      budgets: { ...BUDGETS, ...budgets },
    });
    const { id } = await t.session({ agent_id: agent.id });
    const { run } = await t.post(id, 'hello');
    const key = { tenantId: t.tenantId, sessionId: id };
    const claim = await claimRun(services, { holder: 'server:x', actor: 'server:x' }, key);
    await executeRun(services, claim!, stop.signal);
    await t.expectSound(id);
    return {
      id,
      models,
      run: await getRun(t.ctx, id, run!.id),
      steps: await listSteps(t.ctx, id, run!.id),
    };
  }

  const failing = (step: number) => ({ status: 'failed', step_index: step });

  test('model, tools side by side, model: each recorded before the next begins', async () => {
    const order: string[] = [];
    const slow = Promise.withResolvers<void>();
    const tools = toolsOf(
      { name: 'slow', execute: async () => (await slow.promise, order.push('slow'), 1) },
      { name: 'fast', execute: async () => (order.push('fast'), slow.resolve(), 2) },
    );
    const script: Script = (_call, turn) =>
      turn === 0
        ? [{ type: 'text', text: 'Wait.' }, ...ask({ name: 'slow' }, { name: 'fast' })]
        : say('Done.');
    const { id, run, models } = await execute(script, { tools });
    expect(order).toEqual(['fast', 'slow']);
    expect(run).toMatchObject({ status: 'completed', usage: { input_tokens: 2, output_tokens: 2 } });
    expect((await t.log(id)).slice(3).map((event) => event.type)).toEqual([
      'run.started',
      'step.started',
      'step.completed',
      'message.created',
      'tool.called',
      'tool.called',
      'tool.completed',
      'tool.completed',
      'step.started',
      'step.completed',
      'message.created',
      'run.completed',
    ]);
    expect(models.calls[1]!.messages).toMatchObject([
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: 'Wait.', tool_calls: [{ name: 'slow' }, { name: 'fast' }] },
      { role: 'tool', name: 'slow', output: 1 },
      { role: 'tool', name: 'fast', output: 2 },
    ]);
    expect(models.calls[0]).toMatchObject({
      instructions: 'Be brief.',
      tools: [{ name: 'slow' }, { name: 'fast' }],
    });
  });

  test('many tools that end at once are recorded one by one, before the model goes on', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `t${i}`);
    const tools = toolsOf(...names.map((name) => ({ name, execute: async () => name })));
    const script: Script = (_call, turn) =>
      turn === 0 ? ask(...names.map((name) => ({ name }))) : say('Done.');
    const { id, run } = await execute(script, { tools });
    expect(run.status).toBe('completed');
    const types = (await t.types(id)).filter((type) => type === 'tool.completed' || type === 'step.started');
    expect(types).toEqual(['step.started', ...names.map(() => 'tool.completed'), 'step.started']);
  });

  describe('a tool that goes wrong is told to the model, and the run goes on', () => {
    const once =
      (name: string): Script =>
      (_call, turn) =>
        turn === 0 ? ask({ name }) : say('Done.');
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;

    test.each([
      ['throws', async () => Promise.reject(new Error('boom')), 'TOOL_ERROR'],
      [
        'throws at once',
        () => {
          throw new Error('boom');
        },
        'TOOL_ERROR',
      ],
      [
        'names a code',
        async () => Promise.reject(new DomainError('NOT_FOUND', 'no such thing')),
        'NOT_FOUND',
      ],
      ['answers too much', async () => 'x'.repeat(200_000), 'OUTPUT_TOO_LARGE'],
      ['answers no JSON', async () => circular, 'TOOL_ERROR'],
    ])('%s', async (_what, work, code) => {
      const { run, steps, models } = await execute(once('bad'), {
        tools: toolsOf({ name: 'bad', execute: work }),
      });
      expect(run.status).toBe('completed');
      expect(steps[1]).toMatchObject({ ...failing(1), output: { error: { code } } });
      expect(models.calls[1]!.messages.at(-1)).toMatchObject({ role: 'tool', is_error: true });
    });

    test('a tool that answers nothing has null as its result', async () => {
      const tools = toolsOf({ name: 'mute', execute: async () => undefined });
      const { steps } = await execute(once('mute'), { tools });
      expect(steps[1]).toMatchObject({ status: 'completed', output: null });
    });

    test('a tool that takes too long is left behind, its signal aborted', async () => {
      const clock = new ManualClock(Date.now());
      let signal: AbortSignal | null = null;
      const execute_ = (_input: unknown, context: { signal: AbortSignal }) => {
        signal = context.signal;
        queueMicrotask(() => clock.advance(5000));
        return new Promise(() => {});
      };
      const tools = toolsOf({ name: 'slow', timeout_ms: 5000, execute: execute_ });
      const { run, steps } = await execute(once('slow'), { tools, services: { clock } });
      expect(run.status).toBe('completed');
      expect(steps[1]).toMatchObject({ ...failing(1), output: { error: { code: 'TIMEOUT' } } });
      expect(signal!.aborted).toBe(true);
    });

    test.each(['nothing', 'secret'])('the agent does not list it: %s', async (name) => {
      const used = vi.fn(async () => 'leaked');
      const tools = toolsOf({ name: 'secret', execute: used });
      const { run, steps } = await execute(once(name), { tools, listed: [] });
      expect(run.status).toBe('completed');
      expect(steps[1]).toMatchObject({ ...failing(1), output: { error: { code: 'UNKNOWN_TOOL' } } });
      expect(used).not.toHaveBeenCalled();
    });
  });

  describe('a model that goes wrong fails the run at once', () => {
    test.each<[string, Script, string]>([
      [
        'cannot answer',
        () => {
          throw new DomainError('LLM_ERROR', 'down');
        },
        'LLM_ERROR',
      ],
      ['stops without an end', () => [{ type: 'text', text: 'and' }], 'LLM_ERROR'],
      [
        'asks for too many tools',
        () => ask(...Array.from({ length: 65 }, () => ({ name: 'x' }))),
        'LLM_ERROR',
      ],
      ['asks for a tool without a name', () => ask({ name: '' }), 'LLM_ERROR'],
      ['asks for a tool that cannot be stored', () => ask({ name: 'a\0b' }), 'LLM_ERROR'],
      ['talks without end', () => say('x'.repeat(1_000_001)), 'LLM_ERROR'],
    ])('%s', async (_what, script, code) => {
      const { run, id, steps } = await execute(script);
      expect(run).toMatchObject({ status: 'failed', error: { code } });
      expect(steps).toMatchObject([failing(0)]);
      expect((await t.types(id)).slice(-3)).toEqual(['message.superseded', 'step.failed', 'run.failed']);
    });

    test('text that PostgreSQL cannot hold is mended, not refused', async () => {
      const { id } = await execute(() => say('a\0b\ud800c'));
      expect((await t.messages(id)).at(-1)!.content).toBe('ab\ufffdc');
    });

    test('an empty answer is an answer', async () => {
      const { id, run } = await execute(() => [finish()]);
      expect(run.status).toBe('completed');
      expect((await t.messages(id)).at(-1)).toMatchObject({ role: 'assistant', content: '' });
    });
  });

  test('when the lease is lost to another, tools that still run are aborted, and nothing is recorded', async () => {
    const { id } = await t.session();
    const { run } = await t.post(id, 'hello');
    let signal: AbortSignal | null = null;
    const tools = toolsOf(
      {
        name: 'endless',
        execute: (_input, context) => {
          signal = context.signal;
          return new Promise(() => {});
        },
      },
      {
        name: 'fenced',
        execute: async () => {
          const leases = t.h.db.kysely.updateTable('leases').set({ epoch: 99 });
          await leases.where('session_id', '=', id).execute();
        },
      },
    );
    const models = scriptedModels(() => ask({ name: 'endless' }, { name: 'fenced' }));
    const claim = await t.claim(id);
    claim.agent.tools = ['endless', 'fenced'];
    await executeRun({ ...t.services, models, tools }, claim, stop.signal);
    expect(signal!.aborted).toBe(true);
    const steps = await listSteps(t.ctx, id, run!.id);
    expect(steps.map((step) => step.status)).toEqual(['completed', 'started', 'started']);
    await t.expectSound(id);
  });

  describe('budgets', () => {
    const tools = toolsOf({ name: 'again', execute: async () => 1 });

    test('steps', async () => {
      const { run, models } = await execute(() => ask({ name: 'again' }), { tools, budgets: { steps: 4 } });
      expect(run).toMatchObject({ status: 'failed', step_count: 4, error: { code: 'MAX_STEPS_EXCEEDED' } });
      expect(models.calls.length).toBe(2);
    });

    test('tokens', async () => {
      const script: Script = () => [...ask({ name: 'again' }).slice(0, -1), finish('tool_calls', 60)];
      const { run, models } = await execute(script, { tools, budgets: { tokens: 200 } });
      expect(run).toMatchObject({ status: 'failed', error: { code: 'QUOTA_EXCEEDED' } });
      expect(run.usage).toEqual({ input_tokens: 120, output_tokens: 120 });
      expect(models.calls.length).toBe(2);
    });

    test('seconds, in the middle of an answer', async () => {
      const clock = new ManualClock(Date.now());
      const script: Script = async function* ({ signal }) {
        yield { type: 'text', text: 'I think' };
        queueMicrotask(() => clock.advance(31_000));
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        });
      };
      const { run, id } = await execute(script, { services: { clock }, budgets: { seconds: 30 } });
      expect(run).toMatchObject({ status: 'failed', error: { code: 'TIMEOUT' } });
      expect(await t.types(id)).toContain('message.superseded');
    });
  });

  test('a message older than all that is remembered is still answered', async () => {
    const { id } = await t.session();
    const { run } = await t.post(id, 'the question');
    for (let i = 0; i < 205; i += 1) {
      await t.h.db.transaction(async (tx) => {
        const counted = await countMessage(tx, t.tenantId, id);
        await addMessage(t.services, tx, t.tenantId, counted, {
          role: 'user',
          content: `later ${i}`,
          actor: 'x',
        });
      });
    }
    const models = scriptedModels(() => say('Yes.'));
    const claim = await t.claim(id);
    await executeRun({ ...t.services, models }, claim, stop.signal);
    expect(models.calls[0]!.messages).toMatchObject([{ role: 'user', content: 'the question' }]);
    expect((await getRun(t.ctx, id, run!.id)).status).toBe('completed');
  });
});
