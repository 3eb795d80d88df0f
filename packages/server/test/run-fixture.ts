import type { AgentSnapshot, CreateAgent, CreateSession, LogEvent, Session } from '@holdfast/protocol';
import { expect } from 'vitest';
import type { Ctx, Scope, Services } from '../src/core/context.ts';
import { DomainError } from '../src/core/errors.ts';
import { listMessages, postMessage } from '../src/core/message/index.ts';
import type { ModelCall, ModelPart, Models, Tool, Tools } from '../src/core/ports.ts';
import { claimRun, listRuns, type RunClaim } from '../src/core/run/index.ts';
import { createSession } from '../src/core/session/index.ts';
import { createAgent } from '../src/features/agent/index.ts';
import { openHarness, type Engine, type Harness } from './harness.ts';

export const UNKNOWN_ID = '0195a7f0-0000-7000-8000-00000000dead';
const TERMINAL = new Set(['run.completed', 'run.failed', 'run.cancelled']);

export type Event = Omit<LogEvent, 'data'> & { data: Record<string, unknown> };

/** Opens the harness and a tenant with one agent; sessions are cheap, so each test makes its own. */
export async function openRuns(engine: Engine, services?: (h: Harness) => Services): Promise<Runs> {
  const h = await openHarness({ engine });
  const { tenantId, projectId } = await h.createTenant();
  return new Runs(h, services?.(h) ?? h.services, tenantId, projectId);
}

/** What tests of runs need again and again, for one tenant. */
export class Runs {
  readonly h: Harness;
  readonly services: Services;
  readonly tenantId: string;
  readonly projectId: string;
  readonly ctx: Ctx;

  constructor(h: Harness, services: Services, tenantId: string, projectId: string) {
    this.h = h;
    this.services = services;
    this.tenantId = tenantId;
    this.projectId = projectId;
    this.ctx = this.as();
  }

  as(input: { scopes?: Scope[]; services?: Services; idempotencyKey?: string; actor?: string } = {}): Ctx {
    const { idempotencyKey, services = this.services, ...rest } = input;
    const ctx = this.h.ctxFor({ tenantId: this.tenantId, services, ...rest });
    return idempotencyKey === undefined ? ctx : { ...ctx, idempotencyKey };
  }

  /** Someone of another tenant with every right there. */
  async stranger(): Promise<Ctx> {
    const { tenantId } = await this.h.createTenant();
    return this.h.ctxFor({ tenantId, services: this.services });
  }

  async agent(input: Partial<CreateAgent> = {}): Promise<string> {
    const budgets: AgentSnapshot['budgets'] = { steps: 20, tokens: 200_000, seconds: 600 };
    const agent = { name: 'a', instructions: '', model: 'offline', tools: [], budgets, ...input };
    return (await createAgent(this.ctx, { project_id: this.projectId, ...agent })).id;
  }

  /** A session with an agent of its own, unless `agent_id` says otherwise. */
  async session(input: Partial<CreateSession> = {}, agent: Partial<CreateAgent> = {}): Promise<Session> {
    const agent_id = input.agent_id === undefined ? await this.agent(agent) : input.agent_id;
    return createSession(this.ctx, {
      project_id: this.projectId,
      kind: 'chat',
      title: null,
      metadata: {},
      run_policy: 'queue',
      executor: 'server',
      ...input,
      agent_id,
    });
  }

  post(sessionId: string, content: string, client_msg_id?: string, ctx = this.ctx) {
    return postMessage(ctx, sessionId, {
      content,
      metadata: {},
      run: true,
      ...(client_msg_id === undefined ? {} : { client_msg_id }),
    });
  }

  async log(sessionId: string): Promise<Event[]> {
    const target = { tenantId: this.tenantId, sessionId };
    const { frames } = await this.services.log.read(target, 0, 10_000);
    return frames.map((frame) => JSON.parse(frame.json) as Event);
  }

  async types(sessionId: string): Promise<string[]> {
    return (await this.log(sessionId)).map((event) => event.type);
  }

  async runs(sessionId: string) {
    return (await listRuns(this.ctx, sessionId, { limit: 100 })).items.reverse();
  }

  async messages(sessionId: string) {
    return (await listMessages(this.ctx, sessionId, { limit: 200, after: -1 })).items;
  }

  /** Another server takes this session's run, as one would that dies before its next move. */
  async claim(sessionId: string, services = this.services): Promise<RunClaim> {
    const claimer = { holder: 'server:dying', actor: 'server:dying' };
    const claim = await claimRun(services, claimer, { tenantId: this.tenantId, sessionId });
    if (claim === null) throw new Error('There was nothing to claim.');
    return claim;
  }

  /** The holder has been silent for a day. */
  async silence(sessionId: string): Promise<void> {
    await this.h.db.kysely
      .updateTable('leases')
      .set({ last_heartbeat: new Date(Date.now() - 86_400_000) })
      .where('tenant_id', '=', this.tenantId)
      .where('session_id', '=', sessionId)
      .execute();
  }

  /** Checks what must hold of every session at any time. */
  async expectSound(sessionId: string): Promise<Event[]> {
    const [events, messages, runs] = [
      await this.log(sessionId),
      await this.messages(sessionId),
      await this.runs(sessionId),
    ];
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(messages.map((message) => message.message_index)).toEqual(messages.map((_, index) => index));
    for (const message of messages) {
      expect(events[message.seq - 1]).toMatchObject({
        type: 'message.created',
        data: { message_id: message.id, message_index: message.message_index, content: message.content },
      });
    }
    const superseded = events.filter((event) => event.type === 'message.superseded');
    const spoken = new Set(messages.map((message) => message.id));
    expect(superseded.filter((event) => spoken.has(String(event.data['message_id'])))).toEqual([]);
    for (const run of runs) {
      const own = events.filter((event) => event.data['run_id'] === run.id);
      const ends = own.filter((event) => TERMINAL.has(event.type)).map((event) => event.type);
      expect(ends).toEqual(run.ended_at === null ? [] : [`run.${run.status}`]);
      if (run.ended_at !== null) expect(own.at(-1)?.type).toBe(`run.${run.status}`);
      expect(own.filter((event) => event.type === 'run.started').length).toBeLessThanOrEqual(1);
    }
    return events;
  }
}

/** @returns the code of the DomainError that `work` is refused with */
export async function refusal(work: Promise<unknown>): Promise<string> {
  return (await refused(work)).code;
}

export async function refused(work: Promise<unknown>): Promise<DomainError> {
  const error = await work.then(
    () => new Error('It was not refused.'),
    (reason: unknown) => reason,
  );
  if (error instanceof DomainError) return error;
  throw error;
}

export type Script = (call: ModelCall, turn: number) => Iterable<ModelPart> | AsyncIterable<ModelPart>;

/** A model that says what the test wants; `turn` counts its calls. */
export function scriptedModels(script: Script): Models & { readonly calls: ModelCall[] } {
  const calls: ModelCall[] = [];
  return {
    calls,
    knows: () => true,
    async *stream(call) {
      calls.push(call);
      yield* script(call, calls.length - 1);
    },
  };
}

export function finish(reason: 'stop' | 'tool_calls' = 'stop', tokens = 1): ModelPart {
  return {
    type: 'finish',
    reason,
    usage: { input_tokens: tokens, output_tokens: tokens },
    model: 'scripted',
  };
}

export const say = (text: string): ModelPart[] => [{ type: 'text', text }, finish()];

export function ask(...calls: { name: string; input?: unknown }[]): ModelPart[] {
  const parts = calls.map(({ name, input = {} }, index): ModelPart => ({
    type: 'tool_call',
    call: { call_id: `call_${index}`, name, input },
  }));
  return [...parts, finish('tool_calls')];
}

/** A toolbox of the test's own tools. */
export function toolsOf(...tools: (Pick<Tool, 'name' | 'execute'> & Partial<Tool>)[]): Tools {
  const complete = tools.map((tool): Tool => ({
    description: '',
    input_schema: { type: 'object' },
    policy: 'retry',
    timeout_ms: 10_000,
    ...tool,
  }));
  return {
    names: async () => complete.map((tool) => tool.name),
    find: async (name) => complete.find((tool) => tool.name === name) ?? null,
  };
}
