import type { BeginStep, EndStep } from '@holdfast/protocol';
import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { ServerEvent } from '../log/index.ts';
import type { Tx } from '../ports.ts';
import { together } from '../together.ts';
import type { RunRow } from './queries.ts';
import { asBegun, begunEvent, endedEvent, type BegunStep } from './step-events.ts';
import { endStep, insertStep, type NewStep, type StepRow } from './step-queries.ts';

const CLIENT_TIMEOUT_SECONDS = 300;

/** A locked run and who moves it. */
export interface Move {
  ctx: Ctx;
  tx: Tx;
  tenantId: string;
  sessionId: string;
  run: RunRow;
  epoch: number;
}

/** Events and statements of a change that is sent later, together with the commit. */
export interface Plan {
  events: ServerEvent[];
  /** Sends the statements, once. */
  send(): Promise<unknown>;
}

/** The run is locked, and who ends its steps locks it first: what is open stays so until they are ended here. */
export function planEnds(
  m: Move,
  ends: readonly EndStep[],
  open: readonly StepRow[],
): Plan & { steps: Map<number, StepRow> } {
  const steps = new Map<number, StepRow>();
  for (const { step_index, status, output = null, usage } of ends) {
    const step = open.find((each) => each.step_index === step_index);
    if (step === undefined || steps.has(step_index)) {
      throw new DomainError('RESOURCE_CONFLICT', `Step ${step_index} is not open.`, {
        details: { step_index },
      });
    }
    steps.set(step_index, { ...step, status, output: JSON.stringify(output), ...usage });
  }
  const { actor } = m.ctx.principal;
  const send = () =>
    together(
      ends.map(({ step_index: stepIndex, status, output = null, usage }) =>
        endStep(m.tx, { tenantId: m.tenantId, runId: m.run.id, stepIndex }, status, output, usage),
      ),
    );
  const events = ends.map((end) => endedEvent(steps.get(end.step_index)!, actor, end.finish_reason));
  return { steps, events, send: once(send) };
}

/** A client is told until when it may answer, which only the database knows: such steps are sent at once. */
export async function planBegins(
  m: Move,
  begins: readonly BeginStep[],
): Promise<Plan & { steps: BegunStep[] }> {
  const fresh = begins.map((begin, position) => newStep(m, begin, m.run.step_count + position));
  const send = once(() => together(fresh.map((step) => insertStep(m.tx, step))));
  const steps = fresh.some((step) => step.status === 'waiting') ? await send() : fresh.map(asBegun);
  return { steps, events: steps.map((step) => begunEvent(step, m.ctx.principal.actor)), send };
}

function once<T>(send: () => Promise<T>): () => Promise<T> {
  let sent: Promise<T> | null = null;
  return () => (sent ??= send());
}

function newStep(m: Move, begin: BeginStep, stepIndex: number): NewStep {
  const tool = begin.kind === 'tool' ? begin : null;
  const waits = tool?.executor === 'client';
  return {
    tenantId: m.tenantId,
    runId: m.run.id,
    stepIndex,
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
  };
}
