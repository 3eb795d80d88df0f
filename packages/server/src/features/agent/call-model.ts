import type { MessageDelta } from '@holdfast/protocol';
import { DomainError } from '../../core/errors.ts';
import type { EventLog, LogTarget } from '../../core/log/index.ts';
import type { Clock, ModelCall, Models, Timer, ToolCall, Usage } from '../../core/ports.ts';
import type { ModelOutput } from './conversation.ts';

const MAX_ANSWER_CHARS = 1_000_000;
/** What one move of a run can record. */
const MAX_TOOL_CALLS = 64;
const MAX_NAME_CHARS = 200;

/** Shorter than anybody sees; a write to every follower for each token would cost most of a fast turn. */
const DELTA_INTERVAL_MS = 10;

/** Broadcasts an answer while it is written: the first piece at once, then what came in each interval. */
class DeltaWriter {
  readonly #send: (delta: MessageDelta) => void;
  readonly #ids: { message_id: string; run_id: string };
  #offset = 0;
  #pending = '';
  #timer: Timer | null = null;
  readonly #clock: Clock;

  constructor(
    clock: Clock,
    ids: { message_id: string; run_id: string },
    send: (delta: MessageDelta) => void,
  ) {
    this.#clock = clock;
    this.#ids = ids;
    this.#send = send;
  }

  add(text: string): void {
    this.#pending += text;
    if (this.#offset === 0) this.flush();
    else this.#timer ??= this.#clock.after(DELTA_INTERVAL_MS, () => this.flush());
  }

  /** What is not sent yet never is. */
  stop(): void {
    this.#timer?.cancel();
    this.#pending = '';
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#pending === '') return;
    const delta = { ...this.#ids, offset: this.#offset, text: this.#pending };
    this.#offset += this.#pending.length;
    this.#pending = '';
    this.#send(delta);
  }
}

function isName(text: string): boolean {
  return text !== '' && text.length <= MAX_NAME_CHARS && !text.includes('\0');
}

/** What cannot be recorded must fail the run now: another holder would only meet it again. */
function checkToolCall(call: ToolCall, { tool_calls }: ModelOutput): ToolCall {
  if (tool_calls.length >= MAX_TOOL_CALLS)
    throw new DomainError('LLM_ERROR', `The model asked for more than ${MAX_TOOL_CALLS} tool calls at once.`);
  if (![call.name, call.call_id].every(isName))
    throw new DomainError('LLM_ERROR', 'The model asked for a tool without a proper name or call id.');
  return call;
}

/**
 * One model call, streamed to followers as it comes.
 * @throws LLM_ERROR, or the reason of `call.signal`
 */
export async function callModel(
  { models, log, clock }: { models: Models; log: EventLog; clock: Clock },
  target: LogTarget,
  ids: { message_id: string; run_id: string },
  call: ModelCall,
): Promise<{ output: ModelOutput; usage: Usage }> {
  const writer = new DeltaWriter(clock, ids, (delta) => {
    if (!call.signal.aborted) log.broadcast(target, 'message.delta', delta);
  });
  try {
    const answer = await readAnswer(models.stream(call), call, (text) => writer.add(text));
    writer.flush();
    return answer;
  } finally {
    writer.stop();
  }
}

async function readAnswer(
  parts: ReturnType<Models['stream']>,
  call: ModelCall,
  onText: (text: string) => void,
): Promise<{ output: ModelOutput; usage: Usage }> {
  const output: ModelOutput = { text: '', tool_calls: [], finish_reason: 'other', model: call.model };
  let usage: Usage = { input_tokens: 0, output_tokens: 0 };
  let finished = false;
  for await (const part of parts) {
    call.signal.throwIfAborted();
    if (part.type === 'text') {
      // PostgreSQL text cannot hold NUL, and a client has no use for it.
      const text = part.text.replaceAll('\0', '');
      output.text += text;
      if (output.text.length > MAX_ANSWER_CHARS)
        throw new DomainError('LLM_ERROR', 'The answer is too long.');
      onText(text);
    } else if (part.type === 'tool_call') output.tool_calls.push(checkToolCall(part.call, output));
    else {
      finished = true;
      usage = part.usage;
      output.finish_reason = part.reason;
      output.model = part.model;
    }
  }
  call.signal.throwIfAborted();
  if (!finished) throw new DomainError('LLM_ERROR', 'The model stopped in the middle of its answer.');
  output.text = output.text.toWellFormed();
  return { output, usage };
}
