import { advanceRunSchema, type AdvancedRun, type AdvanceRun } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { DomainError, invalid } from '../errors.ts';
import { fenceLease, freeLease } from '../lease/index.ts';
import type { ServerEvent } from '../log/index.ts';
import { transactOnce } from '../once/index.ts';
import type { Usage } from '../ports.ts';
import { addMessage, countMessage, type CountedSession } from '../session/index.ts';
import { endOpenSteps } from './cancel.ts';
import { fetchRun, moveRun, selectUnfinished, toRun, type MovedRun, type RunRow } from './queries.ts';
import { together } from '../together.ts';
import { planBegins, planEnds, type Move, type Plan } from './move-steps.ts';
import { selectOpenSteps } from './step-queries.ts';

const UNFINISHED_STEP = { code: 'ABANDONED', message: 'The run was completed without this step.' };

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
    if (move.finish !== undefined && move.begun.length > 0)
      throw invalid('begun', 'must be empty when the run finishes');
    // Statements sent together share a round trip and still run in this order.
    const [lease, run, open, session] = await together([
      fenceLease(tx, tenantId, sessionId, move.epoch),
      fetchRun(tx, tenantId, sessionId, runId, 'lock').then(requireUnended),
      selectOpenSteps(tx, tenantId, runId),
      move.message === undefined ? null : countMessage(tx, tenantId, sessionId),
    ]);
    const m: Move = { ctx, tx, tenantId, sessionId, run, epoch: move.epoch };
    const started = run.status === 'queued' ? await startQueued(m, lease.holder!) : [];
    const ends = planEnds(m, move.ended, open);
    const begins = await planBegins(m, move.begun);
    const left = [...open.filter((step) => !ends.steps.has(step.step_index)), ...begins.steps];
    const waits = left.length > 0 && left.every((step) => step.status === 'waiting');
    const finished = await finishEvents(m, move, left, ends);
    const idle = move.finish !== undefined || waits;
    const [, , { has_next, ...after }] = await tx.last([
      ends.send(),
      begins.send(),
      updateAfter(m, move, waits),
      write(m, move, session, [...started, ...ends.events], [...begins.events, ...finished]),
      release && idle ? freeLease(tx, tenantId, sessionId) : null,
    ]);
    // Who counted a message has the session locked: nothing can be queued there before the commit.
    const alone = session !== null && release && !has_next;
    if (idle && !alone) tx.afterCommit(() => ctx.signals.ready({ tenantId, sessionId }));
    return { run: toRun(after), begun: begins.steps.map((step) => step.step_index) };
  });
}

function requireUnended(run: RunRow): RunRow {
  if (run.ended_at === null) return run;
  throw new DomainError('RESOURCE_CONFLICT', `The run has already ended: ${run.status}.`, {
    details: { status: run.status },
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

function usageOf(m: Move, move: AdvanceRun): Usage {
  const sum = (key: keyof Usage) => move.ended.reduce((total, { usage }) => total + (usage?.[key] ?? 0), 0);
  return { input_tokens: sum('input_tokens'), output_tokens: sum('output_tokens') };
}

function updateAfter(m: Move, move: AdvanceRun, waits: boolean): Promise<MovedRun> {
  const used = usageOf(m, move);
  const change = {
    epoch: m.epoch,
    newSteps: move.begun.length,
    inputTokens: used.input_tokens,
    outputTokens: used.output_tokens,
  };
  if (move.finish !== undefined) {
    const error = move.finish.status === 'failed' ? move.finish.error : undefined;
    return moveRun(m.tx, m.tenantId, m.run.id, { ...change, status: move.finish.status, error });
  }
  return moveRun(m.tx, m.tenantId, m.run.id, { ...change, status: waits ? 'waiting' : 'running' });
}

async function finishEvents(
  m: Move,
  move: AdvanceRun,
  left: readonly unknown[],
  ends: Plan,
): Promise<ServerEvent[]> {
  if (move.finish === undefined) return [];
  const { actor } = m.ctx.principal;
  const used = usageOf(m, move);
  const usage = {
    input_tokens: m.run.input_tokens + used.input_tokens,
    output_tokens: m.run.output_tokens + used.output_tokens,
  };
  const data = { run_id: m.run.id, steps: m.run.step_count, usage };
  const { finish, message } = move;
  const why = finish.status === 'failed' ? finish.error : UNFINISHED_STEP;
  let open: ServerEvent[] = [];
  if (left.length > 0) {
    await ends.send();
    open = await endOpenSteps(m.tx, m.tenantId, m.run.id, actor, why, message?.id);
  }
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
