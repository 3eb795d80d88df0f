import type { Ctx } from '../context.ts';
import type { ServerEvent } from '../log/index.ts';
import { fromJson, iso } from '../wire.ts';
import { stepKey, type NewStep, type StepRow } from './step-queries.ts';

/** What a failed step stores as its output. */
export interface StepFailure {
  error: { code: string; message: string };
}

/** What an event tells of a step that begins. */
export type BegunStep = Pick<
  StepRow,
  | 'run_id'
  | 'step_index'
  | 'kind'
  | 'status'
  | 'message_id'
  | 'name'
  | 'call_id'
  | 'idempotency_key'
  | 'input'
  | 'deadline_at'
>;

/** The step as it will be stored, if nothing of it is left to the database. */
export function asBegun(step: NewStep): BegunStep {
  return {
    run_id: step.runId,
    step_index: step.stepIndex,
    kind: step.kind,
    status: step.status,
    message_id: step.messageId,
    name: step.name,
    call_id: step.callId,
    idempotency_key: stepKey(step),
    input: step.input === undefined ? null : JSON.stringify(step.input),
    deadline_at: null,
  };
}

export function begunEvent(step: BegunStep, actor: Ctx['principal']['actor']): ServerEvent {
  const { run_id, step_index } = step;
  if (step.kind === 'model') {
    const data = {
      run_id,
      step_index,
      kind: 'model' as const,
      message_id: step.message_id!,
      model: step.name,
    };
    return { type: 'step.started', actor, data };
  }
  return {
    type: 'tool.called',
    actor,
    data: {
      run_id,
      step_index,
      tool: step.name,
      call_id: step.call_id!,
      executor: step.status === 'waiting' ? 'client' : 'server',
      idempotency_key: step.idempotency_key,
      input: fromJson(step.input),
      deadline_at: iso(step.deadline_at),
    },
  };
}

export function endedEvent(step: StepRow, actor: string, finishReason?: string): ServerEvent {
  const { run_id, step_index } = step;
  const output = fromJson<unknown>(step.output);
  if (step.kind === 'tool') {
    const data = {
      run_id,
      step_index,
      tool: step.name,
      call_id: step.call_id!,
      is_error: step.status === 'failed',
      output,
    };
    return { type: 'tool.completed', actor, data };
  }
  if (step.status === 'failed') {
    return {
      type: 'step.failed',
      actor,
      data: { run_id, step_index, kind: 'model', error: failureOf(output) },
    };
  }
  return {
    type: 'step.completed',
    actor,
    data: {
      run_id,
      step_index,
      kind: 'model',
      message_id: step.message_id!,
      model: step.name,
      finish_reason: finishReason ?? 'stop',
      tool_calls: toolCallsOf(output),
      usage: { input_tokens: step.input_tokens, output_tokens: step.output_tokens },
    },
  };
}

function failureOf(output: unknown): StepFailure['error'] {
  const { error } = (output ?? {}) as Partial<StepFailure>;
  const code = typeof error?.code === 'string' ? error.code : 'FAILED';
  return { code, message: typeof error?.message === 'string' ? error.message : 'The step failed.' };
}

function toolCallsOf(output: unknown): number {
  const { tool_calls } = (output ?? {}) as { tool_calls?: unknown };
  return Array.isArray(tool_calls) ? tool_calls.length : 0;
}
