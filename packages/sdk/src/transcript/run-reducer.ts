import type { EventData, ServerEventType } from '@holdfast/protocol';
import type { TranscriptRun, TranscriptTool } from './state.ts';

type Reduce<T extends ServerEventType> = (
  run: TranscriptRun,
  data: EventData<T>,
  seq: number,
) => TranscriptRun;

const NO_TOKENS = { input_tokens: 0, output_tokens: 0 };

/** A run of which nothing is known but that it exists. */
export function newRun(id: string, seq: number): TranscriptRun {
  return {
    id,
    agentId: null,
    messageId: null,
    status: 'queued',
    holder: null,
    model: null,
    usage: NO_TOKENS,
    error: null,
    cancelReason: null,
    resumes: 0,
    tools: [],
    seq,
  };
}

/** A run waits while everything it has begun is a client's to do. */
function withTools(run: TranscriptRun, tools: readonly TranscriptTool[]): TranscriptRun {
  if (run.status !== 'running' && run.status !== 'waiting') return { ...run, tools };
  const open = tools.filter((tool) => tool.status === 'running');
  const waits = open.length > 0 && open.every((tool) => tool.executor === 'client');
  return { ...run, tools, status: waits ? 'waiting' : 'running' };
}

function addTool(run: TranscriptRun, data: EventData<'tool.called'>, seq: number): TranscriptRun {
  const tool: TranscriptTool = {
    callId: data.call_id,
    runId: data.run_id,
    stepIndex: data.step_index,
    tool: data.tool,
    executor: data.executor,
    input: data.input,
    status: 'running',
    output: undefined,
    deadlineAt: data.deadline_at,
    seq,
  };
  const others = run.tools.filter((other) => other.stepIndex !== data.step_index);
  return withTools(run, [...others, tool]);
}

function endTool(run: TranscriptRun, data: EventData<'tool.completed'>): TranscriptRun {
  const status = data.is_error ? 'failed' : 'completed';
  const tools = run.tools.map((tool): TranscriptTool =>
    tool.stepIndex === data.step_index ? { ...tool, status, output: data.output } : tool,
  );
  return withTools(run, tools);
}

/** What each event about a run does to it. */
export const RUN_REDUCERS: { readonly [T in ServerEventType]?: Reduce<T> } = {
  'run.queued': (run, { agent_id, message_id }) => ({ ...run, agentId: agent_id, messageId: message_id }),
  'run.started': (run, { holder }) => ({ ...run, status: 'running', holder }),
  'run.resumed': (run, { holder }) => ({ ...run, status: 'running', holder, resumes: run.resumes + 1 }),
  'run.completed': (run, { usage }) => ({ ...run, status: 'completed', usage }),
  'run.failed': (run, { usage, error }) => ({ ...run, status: 'failed', usage, error }),
  'run.cancelled': (run, { usage, reason }) => ({
    ...run,
    status: 'cancelled',
    usage,
    cancelReason: reason,
  }),
  'step.started': (run, { model }) => ({ ...run, model }),
  'tool.called': addTool,
  'tool.completed': endTool,
};
