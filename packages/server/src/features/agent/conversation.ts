import type { Message, Step } from '@holdfast/protocol';
import type { FinishReason, ModelMessage, ToolCall } from '../../core/ports.ts';

/** What a model step stores as its output. */
export interface ModelOutput {
  text: string;
  tool_calls: ToolCall[];
  finish_reason: FinishReason;
  /** The model that answered, where fail-over chose another. */
  model: string;
}

/**
 * The conversation as the model should see it: history, the message to answer, what this run did so far.
 * Messages that wait for a later run are left out; the one to answer comes last, whatever was said since.
 * A run that answers no message in particular goes by what was said before it started.
 */
export function buildConversation(
  messages: readonly Message[],
  steps: readonly Step[],
  run: { runId: string; triggerId: string | null; startedAt: number },
): ModelMessage[] {
  const trigger = messages.find((message) => message.id === run.triggerId);
  const isLater = (message: Message) =>
    trigger === undefined
      ? Date.parse(message.created_at) > run.startedAt
      : message.message_index > trigger.message_index;
  const history = messages.filter(
    (message) =>
      message.run_id !== run.runId && message !== trigger && !(message.role === 'user' && isLater(message)),
  );
  const said = [...history, ...(trigger === undefined ? [] : [trigger])];
  return [...said.map(({ role, content }) => ({ role, content })), ...steps.flatMap(replayStep)];
}

function replayStep(step: Step): ModelMessage[] {
  if (step.status !== 'completed' && step.status !== 'failed') return [];
  if (step.kind === 'tool') {
    const { call_id, name, output } = step;
    return [{ role: 'tool', call_id: call_id!, name, output, is_error: step.status === 'failed' }];
  }
  if (step.status === 'failed') return [];
  const { text, tool_calls } = step.output as ModelOutput;
  return [{ role: 'assistant', content: text, tool_calls }];
}
