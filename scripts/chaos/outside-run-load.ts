import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Answer } from './client.ts';
import { claim, type Held } from './holder-load.ts';
import type { Random } from './random.ts';
import type { Watched, World } from './world.ts';

interface OpenStep {
  step_index: number;
  kind: 'model' | 'tool';
  status: string;
  message_id: string | null;
}

const IDLE_MS = 30;

/**
 * A holder outside that executes the runs of its session, step by recorded step, from wherever they stand.
 * @param asking ends when no more of them will be queued
 */
export async function executeOutside(
  world: World,
  session: Watched,
  ttlMs: number,
  asking: Promise<unknown>,
): Promise<void> {
  const random = world.random(`execute ${session.name}`);
  let asked = false;
  const end = (): void => void (asked = true);
  asking.then(end, end);
  for (let turn = 1; ; turn += 1) {
    await world.pause(random.int(5, 60));
    if (session.openRuns.size === 0) {
      if (asked && (await world.isSettled(session))) return;
      await pause(IDLE_MS);
      continue;
    }
    const held = await claim(world, session, `${session.name}-${turn % 2}`, ttlMs);
    if (held === null) continue;
    const run = held.answer.data['run'] as { id: string } | null;
    if (run === null) await release(world, session, held);
    else if (await new OutsideRun(world, session, held, run.id, random).execute())
      await release(world, session, held);
  }
}

async function release(world: World, session: Watched, { epoch }: Held): Promise<void> {
  await world.client.post(`${session.path}/lease/release`, { epoch });
}

class OutsideRun {
  readonly #world: World;
  readonly #session: Watched;
  readonly #held: Held;
  readonly #runId: string;
  readonly #random: Random;

  constructor(world: World, session: Watched, held: Held, runId: string, random: Random) {
    this.#world = world;
    this.#session = session;
    this.#held = held;
    this.#runId = runId;
    this.#random = random;
  }

  /** @returns whether the lease is still ours; a frozen holder leaves its own to stall */
  async execute(): Promise<boolean> {
    const steps = this.#held.answer.data['steps'] as OpenStep[];
    const open = steps.find((step) => step.status === 'started');
    let model = open?.kind === 'model' ? open : await this.#beginModel(open === undefined ? [] : [open]);
    if (model !== null && this.#random.chance(0.4)) model = await this.#useTool(model);
    if (model === null) return false;
    if (this.#random.chance(0.1)) return false;
    return this.#finish(model);
  }

  /** A tool call between two model calls: three steps, each recorded before the next begins. */
  async #useTool(model: OpenStep): Promise<OpenStep | null> {
    const tool = {
      kind: 'tool',
      name: 'look_up',
      call_id: this.#world.nextId('call'),
      input: {},
      policy: 'retry',
    };
    const begun = await this.#advance({ ended: [ended(model)], begun: [tool] });
    if (begun === null) return null;
    const step_index = (begun.data['begun'] as number[])[0] ?? -1;
    return this.#beginModel([{ step_index, kind: 'tool', status: 'started', message_id: null }]);
  }

  async #beginModel(open: readonly OpenStep[]): Promise<OpenStep | null> {
    const message_id = randomUUID();
    const begun = [{ kind: 'model', name: 'outside', message_id }];
    const answer = await this.#advance({ ended: open.map(ended), begun });
    if (answer === null) return null;
    const data = { run_id: this.#runId, message_id };
    this.#world.expect(this.#session, { what: `step ${message_id}`, times: 1, type: 'step.started', data });
    const step_index = (answer.data['begun'] as number[])[0] ?? -1;
    return { step_index, kind: 'model', status: 'started', message_id };
  }

  async #finish(model: OpenStep): Promise<boolean> {
    const words = Array.from({ length: this.#random.int(3, 12) }, (_, index) => `word ${index} `);
    let offset = 0;
    for (const text of words) {
      await this.#stream(model.message_id, offset, text);
      offset += text.length;
    }
    const answer = await this.#advance({
      ended: [ended(model)],
      message: { id: model.message_id, content: words.join('') },
      finish: { status: 'completed' },
    });
    if (answer === null) return false;
    const data = { run_id: this.#runId };
    const message = { ...data, message_id: model.message_id };
    const what = `end of ${this.#runId}`;
    this.#world.expect(this.#session, { what, times: 1, type: 'run.completed', data });
    this.#world.expect(this.#session, { what, times: 1, type: 'message.created', data: message });
    return true;
  }

  /** Broadcast only: a refusal shows at the next recorded step. */
  async #stream(message_id: string | null, offset: number, text: string): Promise<void> {
    const data = { message_id, run_id: this.#runId, offset, text };
    const events = [{ type: 'message.delta', ephemeral: true, data }];
    await this.#world.client.post(`${this.#session.path}/events`, { epoch: this.#held.epoch, events });
  }

  /** @returns null when the run ended or went to another holder meanwhile */
  async #advance(move: Record<string, unknown>): Promise<Answer | null> {
    const body = { epoch: this.#held.epoch, ...move };
    const path = `${this.#session.path}/runs/${this.#runId}/steps`;
    const answer = await this.#world.client.post(path, body, this.#world.nextId('advance'));
    if (answer.status === 200) return answer;
    const { code } = answer.body;
    if (code !== 'LEASE_LOST' && code !== 'RESOURCE_CONFLICT')
      this.#world.complain(
        `${this.#session.name}: a step answered ${answer.status} ${JSON.stringify(answer.body)}`,
      );
    return null;
  }
}

const ended = ({ step_index, kind }: OpenStep): Record<string, unknown> => ({
  step_index,
  status: 'completed',
  output: {},
  ...(kind === 'model' ? { finish_reason: 'stop' } : {}),
});
