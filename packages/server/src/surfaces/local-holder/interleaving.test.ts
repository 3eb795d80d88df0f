import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RUN_POLICIES, type PostedMessage } from '@holdfast/protocol';
import { ENGINES, silentLogger } from '../../../test/harness.ts';
import {
  ask,
  openRuns,
  say,
  scriptedModels,
  toolsOf,
  type Runs,
  type Script,
} from '../../../test/run-fixture.ts';
import type { Services } from '../../core/context.ts';
import { DomainError } from '../../core/errors.ts';
import { detectStalled, heartbeat, releaseLease } from '../../core/lease/index.ts';
import type { Bus } from '../../core/ports.ts';
import {
  advanceRun,
  cancelRun,
  claimSession,
  expireWaits,
  listSteps,
  postToolResult,
} from '../../core/run/index.ts';
import { getSession } from '../../core/session/index.ts';
import { createAgent } from '../../features/agent/index.ts';
import { createLocalBus } from '../../infra/bus/local-bus.ts';
import { createExecutor, type Executor } from './executor.ts';

const ACTS = [
  'post',
  'repeat',
  'cancel',
  'claim',
  'advance',
  'release',
  'beat',
  'silence',
  'detect',
  'answer',
  'expire',
] as const;
/** `pick` chooses among what there is; `pause` lets that many turns pass first. */
interface Act {
  name: (typeof ACTS)[number];
  pick: number;
  pause: number;
}
const act = fc.record({
  name: fc.oneof(fc.constantFrom(...ACTS), fc.constant('post' as const)),
  pick: fc.nat(1000),
  pause: fc.nat(8),
});
/** `TEST_FUZZ_SEED` repeats a run of this test. */
const seed = Number(process.env['TEST_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const TERMINAL = ['completed', 'failed', 'cancelled'];

describe.each(ENGINES)('everything at once on one session on %s', (engine) => {
  let t: Runs;
  let agentId: string;

  beforeAll(async () => {
    t = await openRuns(engine);
    const { id } = await createAgent(t.as({ services: equip(t.services) }), {
      project_id: t.projectId,
      name: 'a',
      instructions: '',
      model: 'offline',
      tools: [
        'again',
        { name: 'ask_human', description: '', input_schema: {}, executor: 'client', timeout_seconds: 60 },
      ],
      budgets: { steps: 8, tokens: 200_000, seconds: 600 },
    });
    agentId = id;
  }, 60_000);
  afterAll(() => t.h.close());

  test(`every run ends once, the log has no gap, every acknowledged post is there once (seed ${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...RUN_POLICIES),
        fc.array(act, { minLength: 20, maxLength: 60 }),
        async (policy, acts) => {
          const world = new World(t, agentId);
          await world.open(policy);
          try {
            await world.play(acts);
            await world.settle();
          } finally {
            await world.close();
          }
          await world.check();
        },
      ),
      { numRuns: 12, endOnFailure: true, seed },
    );
  }, 60_000);
});

/** A model that uses a tool, asks the client, says something or breaks, and stays at it for a while. */
function equip(services: Services): Services {
  let count = 0;
  const script: Script = async function* ({ signal }) {
    count += 1;
    for (let turn = 0; turn < count % 4; turn += 1) {
      yield { type: 'text', text: `word ${turn} ` };
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    }
    if (count % 7 === 0) throw new DomainError('LLM_ERROR', 'down');
    if (count % 5 === 0) yield* ask({ name: 'again' }, { name: 'ask_human' });
    else if (count % 3 === 0) yield* ask({ name: 'again' }, { name: 'again' });
    else yield* say('Done.');
  };
  return {
    ...services,
    models: scriptedModels(script),
    tools: toolsOf({ name: 'again', execute: async () => 1 }),
  };
}

/** Two servers and a holder outside, all at the same session. */
class World {
  readonly #t: Runs;
  readonly #agentId: string;
  readonly #bus: Bus = createLocalBus();
  readonly #servers: Services[] = [];
  readonly #executors: Executor[] = [];
  readonly #errors: unknown[] = [];
  readonly #posted = new Map<string, PostedMessage[]>();
  #id = '';
  #outside: { epoch: number; runId: string | null } | null = null;

  constructor(t: Runs, agentId: string) {
    this.#t = t;
    this.#agentId = agentId;
  }

  async open(run_policy: (typeof RUN_POLICIES)[number]): Promise<void> {
    this.#id = (await this.#t.session({ run_policy, agent_id: this.#agentId })).id;
    const logger = {
      ...silentLogger,
      error: (fields: { err?: unknown }) => void this.#errors.push(fields.err ?? fields),
    };
    for (let server = 0; server < 2; server += 1) {
      const services = equip({ ...this.#t.h.otherServices({ bus: this.#bus }), logger });
      const executor = createExecutor(services, 2);
      executor.start();
      this.#servers.push(services);
      this.#executors.push(executor);
    }
  }

  async play(acts: readonly Act[]): Promise<void> {
    const going: Promise<unknown>[] = [];
    for (const each of acts) {
      for (let turn = 0; turn < each.pause; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      going.push(
        this.#act(each).catch((error: unknown) => {
          const code = error instanceof DomainError ? error.code : null;
          if (code !== 'RESOURCE_CONFLICT' && code !== 'LEASE_LOST') throw error;
        }),
      );
      if (going.length % 6 === 0) await Promise.all(going);
    }
    await Promise.all(going);
  }

  /** Nobody does anything unusual any more: what is open must end by itself, given answers and time. */
  async settle(): Promise<void> {
    await vi.waitFor(
      async () => {
        const { holder } = (await getSession(this.#t.ctx, this.#id)).lease;
        if (holder?.startsWith('tab-')) await this.#t.silence(this.#id);
        await detectStalled(this.#servers[0]!, true);
        await this.#answer(0);
        const runs = await this.#t.runs(this.#id);
        expect(runs.map((run) => run.status).filter((status) => !TERMINAL.includes(status))).toEqual([]);
      },
      { timeout: 15_000, interval: 100 },
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#executors.map((executor) => executor.stop(1000)));
  }

  async check(): Promise<void> {
    expect(this.#errors).toEqual([]);
    await this.#t.expectSound(this.#id);
    const messages = await this.#t.messages(this.#id);
    for (const [clientMsgId, answers] of this.#posted) {
      const found = messages.filter((message) => message.client_msg_id === clientMsgId);
      expect(found.length).toBe(1);
      for (const { message, run } of answers) {
        expect(message.id).toBe(found[0]!.id);
        expect(run!.id).toBe(answers[0]!.run!.id);
      }
    }
    const users = messages.filter((message) => message.role === 'user');
    expect(users.length).toBe(this.#posted.size);
  }

  async #act({ name, pick }: Act): Promise<unknown> {
    const ctx = this.#t.as({ services: this.#servers[pick % 2]! });
    const services = this.#servers[pick % 2]!;
    switch (name) {
      case 'post':
        return this.#post(randomUUID(), pick);
      case 'repeat':
        return this.#post(
          [...this.#posted.keys()][pick % Math.max(1, this.#posted.size)] ?? randomUUID(),
          pick,
        );
      case 'cancel': {
        const runs = await this.#t.runs(this.#id);
        const run = runs[pick % Math.max(1, runs.length)];
        return run && cancelRun(ctx, this.#id, run.id, { reason: 'chaos' });
      }
      case 'claim': {
        const { epoch, run } = await claimSession(ctx, this.#id, { holder: `tab-${pick % 3}` });
        this.#outside = { epoch, runId: run?.id ?? null };
        return;
      }
      case 'advance':
        return this.#advance(pick);
      case 'release':
        return this.#outside && releaseLease(ctx, this.#id, { epoch: this.#outside.epoch });
      case 'beat':
        return this.#outside && heartbeat(ctx, this.#id, { epoch: this.#outside.epoch, progress: true });
      case 'silence':
        return this.#t.silence(this.#id);
      case 'detect':
        return detectStalled(services, true);
      case 'answer':
        return this.#answer(pick);
      case 'expire':
        return this.#expire(services);
    }
  }

  async #post(clientMsgId: string, pick: number): Promise<void> {
    const ctx = this.#t.as({ services: this.#servers[pick % 2]! });
    const posted = await this.#t.post(this.#id, `text of ${clientMsgId}`, clientMsgId, ctx);
    this.#posted.set(clientMsgId, [...(this.#posted.get(clientMsgId) ?? []), posted]);
  }

  async #advance(pick: number): Promise<unknown> {
    const { epoch = 0, runId = null } = this.#outside ?? {};
    if (runId === null) return;
    const ctx = this.#t.as({ services: this.#servers[pick % 2]! });
    const open = (await listSteps(ctx, this.#id, runId)).filter((step) => step.status === 'started');
    const ended = open.map(({ step_index }) => ({
      step_index,
      status: 'completed' as const,
      output: { text: '', tool_calls: [], finish_reason: 'stop', model: 'outside' },
    }));
    const move = { epoch, ended, begun: [] };
    if (pick % 3 === 0) return advanceRun(ctx, this.#id, runId, { ...move, finish: { status: 'completed' } });
    const step = { kind: 'model' as const, name: 'outside', message_id: randomUUID() };
    return advanceRun(ctx, this.#id, runId, { ...move, begun: [step], message: { content: 'outside' } });
  }

  async #answer(pick: number): Promise<void> {
    const ctx = this.#t.as({ services: this.#servers[pick % 2]! });
    for (const run of (await this.#t.runs(this.#id)).filter((each) => each.ended_at === null)) {
      const steps = await listSteps(ctx, this.#id, run.id);
      const step = steps.find((each) => each.status === 'waiting');
      if (step) await postToolResult(ctx, this.#id, run.id, step.step_index, { output: pick });
    }
  }

  async #expire(services: Services): Promise<void> {
    const deadline_at = new Date(Date.now() - 1000);
    const steps = this.#t.h.db.kysely.updateTable('steps').set({ deadline_at });
    await steps.where('session_id', '=', this.#id).where('status', '=', 'waiting').execute();
    await expireWaits(services);
  }
}
