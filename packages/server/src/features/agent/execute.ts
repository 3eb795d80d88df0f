import type { AdvanceRun, BeginStep, ClientTool, EndStep, Step } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import type { Ctx, Services } from '../../core/context.ts';
import { DomainError } from '../../core/errors.ts';
import { selectConversation } from '../../core/message/index.ts';
import type { ToolCall, ToolSpec } from '../../core/ports.ts';
import { advanceRun, selectSteps, toStep, type RunClaim } from '../../core/run/index.ts';
import { callModel } from './call-model.ts';
import { callTool } from './call-tool.ts';
import { buildConversation, type ModelOutput } from './conversation.ts';
import { ownKeys } from './own-keys.ts';

const HISTORY_MESSAGES = 200;

type Move = Omit<AdvanceRun, 'epoch' | 'ended' | 'begun'> & { ended?: EndStep[]; begun?: BeginStep[] };

/** A run being executed by this server, from wherever its recorded steps say it is. */
class Execution {
  readonly #ctx: Ctx;
  readonly #claim: RunClaim;
  readonly #signal: AbortSignal;
  #known: Step[] | null;

  constructor(services: Services, claim: RunClaim, signal: AbortSignal) {
    this.#claim = claim;
    this.#signal = signal;
    this.#known = claim.steps;
    this.#ctx = {
      ...services,
      requestId: claim.runId,
      principal: {
        kind: 'server',
        tenantId: claim.tenantId,
        actor: `agent:${claim.agentId}`,
        userId: null,
        scopes: new Set(['hold']),
        expiresAt: null,
      },
    };
  }

  /** Goes on until the run ends or waits for a client. */
  async run(): Promise<void> {
    while (await this.#next()) this.#signal.throwIfAborted();
  }

  /** Ends the run with what went wrong; its open steps end with it. */
  fail(code: string, message: string): Promise<boolean> {
    return this.#advance({ finish: { status: 'failed', error: { code, message } } });
  }

  async #next(): Promise<boolean> {
    const steps = await this.#readSteps();
    const open = steps.filter((step) => step.status === 'started');
    const model = open.find((step) => step.kind === 'model');
    if (model !== undefined) return this.#think(model, steps);
    if (open.length > 0) return this.#act(open, steps);
    // A predecessor died while others of the same calls ran: only the client's are left.
    if (steps.some((step) => step.status === 'waiting')) return this.#advance({});
    return this.#advance(this.#beginThinking(steps));
  }

  /** The first time the claim may have brought them along. */
  async #readSteps(): Promise<Step[]> {
    const { tenantId, runId } = this.#claim;
    const known = this.#known;
    this.#known = null;
    return known ?? (await selectSteps(this.#ctx.db, tenantId, runId)).map(toStep);
  }

  async #think(step: Step, steps: readonly Step[]): Promise<boolean> {
    const { agent, runId } = this.#claim;
    const ids = { message_id: step.message_id!, run_id: runId };
    const messages = await selectConversation(this.#ctx.db, this.#claim, HISTORY_MESSAGES);
    const { output, usage } = await callModel(this.#ctx, this.#claim, ids, {
      model: agent.model,
      instructions: agent.instructions,
      messages: buildConversation(messages, steps, this.#claim),
      tools: await this.#toolSpecs(),
      credentials: ownKeys(this.#ctx, runId, agent.model),
      signal: this.#signal,
    });
    const ended = [
      {
        step_index: step.step_index,
        status: 'completed' as const,
        output,
        usage,
        finish_reason: output.finish_reason,
      },
    ];
    const message = output.text === '' ? undefined : { id: ids.message_id, content: output.text };
    if (output.tool_calls.length > 0) {
      return this.#advance({ ended, message, begun: await this.#beginTools(output) });
    }
    const answer = message ?? { id: ids.message_id, content: '' };
    return this.#advance({ ended, message: answer, finish: { status: 'completed' } });
  }

  /** Tools run side by side; results are recorded one by one as they come, the last together with what follows. */
  async #act(open: readonly Step[], steps: readonly Step[]): Promise<boolean> {
    const waits = steps.some((step) => step.status === 'waiting');
    let left = open.length;
    let recorded = Promise.resolve(false);
    const { tenantId, projectId, sessionId, runId, agent } = this.#claim;
    const context = { db: this.#ctx.db, tenantId, projectId, sessionId, runId, signal: this.#signal };
    await Promise.all(
      open.map(async (step) => {
        const outcome = await callTool(this.#ctx, step, agent.tools, context);
        left -= 1;
        const ended = [{ step_index: step.step_index, ...outcome }];
        const move = left === 0 && !waits ? { ended, ...this.#beginThinking(steps) } : { ended };
        recorded = recorded.then(() => this.#advance(move));
        await recorded;
      }),
    );
    return recorded;
  }

  /** The next model call, or the end of the run when a budget is used up. */
  #beginThinking(steps: readonly Step[]): Move {
    const { budgets, model } = this.#claim.agent;
    const tokens = steps.reduce((sum, { usage }) => sum + usage.input_tokens + usage.output_tokens, 0);
    const over = (code: string, message: string): Move => ({
      finish: { status: 'failed', error: { code, message } },
    });
    if (steps.length >= budgets.steps)
      return over('MAX_STEPS_EXCEEDED', `The budget of ${budgets.steps} steps is used up.`);
    if (tokens >= budgets.tokens)
      return over('QUOTA_EXCEEDED', `The budget of ${budgets.tokens} tokens is used up.`);
    return { begun: [{ kind: 'model', name: model, message_id: newId() }] };
  }

  async #beginTools(output: ModelOutput): Promise<BeginStep[]> {
    return Promise.all(output.tool_calls.map((call) => this.#beginTool(call)));
  }

  async #beginTool({ call_id, name, input }: ToolCall): Promise<BeginStep> {
    const client = this.#claim.agent.tools.find(
      (tool): tool is ClientTool => typeof tool !== 'string' && tool.name === name,
    );
    const base = { kind: 'tool' as const, name, call_id, input };
    if (client !== undefined) {
      return { ...base, policy: 'once', executor: 'client', timeout_seconds: client.timeout_seconds };
    }
    const allowed = this.#claim.agent.tools.includes(name);
    const tool = allowed ? await this.#ctx.tools.find(name) : null;
    return { ...base, policy: tool?.policy ?? 'retry', executor: 'server' };
  }

  async #toolSpecs(): Promise<ToolSpec[]> {
    const specs = await Promise.all(
      this.#claim.agent.tools.map(async (tool) =>
        typeof tool === 'string' ? this.#ctx.tools.find(tool) : tool,
      ),
    );
    return specs
      .filter((spec) => spec !== null)
      .map(({ name, description, input_schema }) => ({ name, description, input_schema }));
  }

  /** @returns whether this server goes on with the run */
  async #advance({ ended = [], begun = [], ...rest }: Move): Promise<boolean> {
    const { sessionId, runId, epoch } = this.#claim;
    const { run } = await advanceRun(this.#ctx, sessionId, runId, { ...rest, epoch, ended, begun }, true);
    return run.status === 'running';
  }
}

/**
 * Executes a claimed run: model call, tools, model call, until it ends, waits for a client, or `signal` aborts.
 * Failures of model, tools and budgets end the run with a recorded error.
 * @throws what only recovery can mend: a lost database, a lost lease
 */
export async function executeRun(services: Services, claim: RunClaim, signal: AbortSignal): Promise<void> {
  const { clock } = services;
  const limit = new AbortController();
  const left = claim.agent.budgets.seconds * 1000 - (clock.now() - claim.startedAt);
  const timer = clock.after(Math.max(0, left), () => limit.abort());
  const execution = new Execution(services, claim, AbortSignal.any([signal, limit.signal]));
  try {
    await execution.run();
  } catch (error) {
    if (signal.aborted || isFenced(error)) return;
    const failure = failureOf(error, limit.signal.aborted, claim);
    if (failure === null) throw error;
    await execution.fail(failure.code, failure.message).catch((refused: unknown) => {
      if (!isFenced(refused)) throw refused;
    });
  } finally {
    timer.cancel();
    // Whatever tool still runs beside the one that failed has nobody to report to.
    limit.abort();
  }
}

/** @returns null for what only recovery can mend */
function failureOf(
  error: unknown,
  timedOut: boolean,
  { agent }: RunClaim,
): { code: string; message: string } | null {
  if (timedOut)
    return { code: 'TIMEOUT', message: `The budget of ${agent.budgets.seconds} seconds is used up.` };
  return error instanceof DomainError ? { code: error.code, message: error.message } : null;
}

/** The run was cancelled or taken over meanwhile: there is nothing left to record. */
function isFenced(error: unknown): boolean {
  return (
    error instanceof DomainError &&
    (error.code === 'LEASE_LOST' || error.code === 'RESOURCE_CONFLICT' || error.code === 'NOT_FOUND')
  );
}
