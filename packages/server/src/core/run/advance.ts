import {
  advanceRunSchema,
  type AdvancedRun,
  type AdvanceRun,
  type BeginStep,
  type EndStep,
} from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { DomainError, invalid } from '../errors.ts';
import { fenceLease, freeLease } from '../lease/index.ts';
import type { ServerEvent } from '../log/index.ts';
import { transactOnce } from '../once/index.ts';
import type { Tx, Usage } from '../ports.ts';
import { addMessage, countMessage, type CountedSession } from '../session/index.ts';
import { endOpenSteps } from './cancel.ts';
import { fetchRun, selectUnfinished, toRun, updateRun, type RunRow } from './queries.ts';
import { together } from '../together.ts';
import { begunEvent, endedEvent } from './step-events.ts';
import { endStep, insertStep, selectOpenSteps, type StepRow } from './step-queries.ts';

const CLIENT_TIMEOUT_SECONDS = 300;
const UNFINISHED_STEP = { code: 'ABANDONED', message: 'The run was completed without this step.' };

interface Move {
  ctx: Ctx;
  tx: Tx;
  tenantId: string;
  sessionId: string;
  run: RunRow;
  epoch: number;
}

/**
 * One durable move of a run by the holder of its session, all or nothing (protocol `advanceRunSchema`).
 * A run left with nothing but waiting steps becomes `waiting`.
 * @param release gives the lease back when the run ended or waits: the server's executor does
 * @throws LEASE_LOST, NOT_FOUND; RESOURCE_CONFLICT when the run or a step has ended, or an earlier run has not
 */
export async function advanceRun(
  ctx: Ctx,
  sessionId: string,
  runId: string,
  input: AdvanceRun,
  release = false,
): Promise<AdvancedRun> {
  requireScope(ctx, 'hold');
  const move = advanceRunSchema.parse(input);
  const { tenantId } = ctx.principal;
  return transactOnce(ctx, `run.advance:${runId}`, input, async (tx) => {
    // Statements sent together share a round trip and still run in this order.
    const [lease, run] = await together([
      fenceLease(tx, tenantId, sessionId, move.epoch),
      fetchRun(tx, tenantId, sessionId, runId, 'lock'),
    ]);
    if (run.ended_at !== null) {
      throw new DomainError('RESOURCE_CONFLICT', `The run has already ended: ${run.status}.`, {
        details: { status: run.status },
      });
    }
    const m: Move = { ctx, tx, tenantId, sessionId, run, epoch: move.epoch };
    const started = run.status === 'queued' ? await startQueued(m, lease.holder!) : [];
    if (move.finish !== undefined && move.begun.length > 0)
      throw invalid('begun', 'must be empty when the run finishes');
    const [ended, begun, open, session] = await together([
      endSteps(m, move.ended),
      beginSteps(m, move.begun),
      selectOpenSteps(tx, tenantId, runId),
      move.message === undefined ? null : countMessage(tx, tenantId, sessionId),
    ]);
    const after = await updateAfter(m, move, open);
    const idle = after.ended_at !== null || after.status === 'waiting';
    const finished = await finishEvents(m, move, after, open);
    await together([
      write(m, move, session, [...started, ...ended], [...begun.events, ...finished]),
      release && idle ? freeLease(tx, tenantId, sessionId) : null,
    ]);
    if (idle) tx.afterCommit(() => ctx.signals.ready({ tenantId, sessionId }));
    return { run: toRun(after), begun: begun.indices };
  });
}

/** A holder that kept its lease goes on with the next run by its first move. */
async function startQueued(m: Move, holder: string): Promise<ServerEvent[]> {
  const oldest = (await selectUnfinished(m.tx, m.tenantId, m.sessionId))[0];
  if (oldest?.id !== m.run.id) {
    throw new DomainError('RESOURCE_CONFLICT', 'An earlier run of this session has not ended.', {
      details: { run_id: oldest?.id },
    });
  }
  const data = { run_id: m.run.id, epoch: m.epoch, holder };
  return [{ type: 'run.started', actor: m.ctx.principal.actor, data }];
}

function endSteps(m: Move, ends: readonly EndStep[]): Promise<ServerEvent[]> {
  return together(
    ends.map(async (end) => {
      const key = { tenantId: m.tenantId, runId: m.run.id, stepIndex: end.step_index };
      const known = end.step_index < m.run.step_count;
      const step = known ? await endStep(m.tx, key, end.status, end.output ?? null, end.usage) : null;
      if (step === null) {
        throw new DomainError('RESOURCE_CONFLICT', `Step ${end.step_index} is not open.`, {
          details: { step_index: end.step_index },
        });
      }
      return endedEvent(step, m.ctx.principal.actor, end.finish_reason);
    }),
  );
}

async function beginSteps(m: Move, begins: readonly BeginStep[]) {
  const steps = await together(
    begins.map((begin, position) => {
      const tool = begin.kind === 'tool' ? begin : null;
      const waits = tool?.executor === 'client';
      return insertStep(m.tx, {
        tenantId: m.tenantId,
        runId: m.run.id,
        stepIndex: m.run.step_count + position,
        sessionId: m.sessionId,
        kind: begin.kind,
        status: waits ? 'waiting' : 'started',
        epoch: m.epoch,
        messageId: begin.kind === 'model' ? begin.message_id : null,
        name: begin.name,
        callId: tool?.call_id ?? null,
        policy: tool?.policy ?? null,
        input: tool?.input,
        timeoutSeconds: waits ? (tool?.timeout_seconds ?? CLIENT_TIMEOUT_SECONDS) : null,
      });
    }),
  );
  return {
    indices: steps.map((step) => step.step_index),
    events: steps.map((step) => begunEvent(step, m.ctx.principal.actor)),
  };
}

/** @param open what is open after this move's steps ended and began */
function updateAfter(m: Move, move: AdvanceRun, open: readonly StepRow[]): Promise<RunRow> {
  const sum = (key: keyof Usage) => move.ended.reduce((total, { usage }) => total + (usage?.[key] ?? 0), 0);
  const change = {
    epoch: m.epoch,
    newSteps: move.begun.length,
    inputTokens: sum('input_tokens'),
    outputTokens: sum('output_tokens'),
  };
  if (move.finish !== undefined) {
    const error = move.finish.status === 'failed' ? move.finish.error : undefined;
    return updateRun(m.tx, m.tenantId, m.run.id, { ...change, status: move.finish.status, error });
  }
  const waits = open.length > 0 && open.every((step) => step.status === 'waiting');
  return updateRun(m.tx, m.tenantId, m.run.id, { ...change, status: waits ? 'waiting' : 'running' });
}

async function finishEvents(
  m: Move,
  move: AdvanceRun,
  after: RunRow,
  left: readonly StepRow[],
): Promise<ServerEvent[]> {
  if (move.finish === undefined) return [];
  const { actor } = m.ctx.principal;
  const data = { run_id: after.id, steps: after.step_count, usage: toRun(after).usage };
  const { finish, message } = move;
  const why = finish.status === 'failed' ? finish.error : UNFINISHED_STEP;
  const open =
    left.length === 0 ? [] : await endOpenSteps(m.tx, m.tenantId, after.id, actor, why, message?.id);
  if (finish.status === 'completed') return [...open, { type: 'run.completed', actor, data }];
  return [...open, { type: 'run.failed', actor, data: { ...data, error: finish.error } }];
}

/** Everything of one move is one append: what ended, the answer, what begins or how the run ended. */
async function write(
  m: Move,
  move: AdvanceRun,
  session: CountedSession | null,
  before: ServerEvent[],
  after: ServerEvent[],
): Promise<void> {
  const target = { tenantId: m.tenantId, sessionId: m.sessionId };
  if (move.message === undefined || session === null) {
    if (before.length + after.length > 0) await m.ctx.log.appendTx(m.tx, target, [...before, ...after]);
    return;
  }
  const { id, content, metadata } = move.message;
  const message = {
    ...(id === undefined ? {} : { id }),
    role: 'assistant' as const,
    content,
    actor: m.ctx.principal.actor,
    runId: m.run.id,
    metadata: metadata ?? {},
  };
  await addMessage(m.ctx, m.tx, m.tenantId, session, message, { before, after });
}
