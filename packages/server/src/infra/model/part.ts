import type { LanguageModelV4, LanguageModelV4StreamPart } from '@ai-sdk/provider';
import type { FinishReason, ModelCall, ModelPart } from '../../core/ports.ts';
import { StreamCutError, UpstreamError, SilenceError } from './failure.ts';
import { toCallOptions } from './prompt.ts';

type V4Finish = Extract<LanguageModelV4StreamPart, { type: 'finish' }>;

export interface Source {
  /** The name reported in the finish part, such as `openai/gpt-5`. */
  name: string;
  model: LanguageModelV4;
  /** Longest wait for the next sign of life, milliseconds. */
  silenceMs: number;
}

/**
 * Streams one attempt at one model. However it ends, the connection is closed.
 * Throws the abort reason of the call's signal, SilenceError, StreamCutError or what the provider threw.
 */
export async function* readParts(source: Source, call: ModelCall): AsyncGenerator<ModelPart, void> {
  call.signal.throwIfAborted();
  const upstream = new AbortController();
  const onAbort = (): void => upstream.abort(call.signal.reason);
  call.signal.addEventListener('abort', onAbort, { once: true });
  const watchdog = new Watchdog(source.silenceMs, () => upstream.abort(new SilenceError(source.silenceMs)));
  try {
    watchdog.start();
    const options = { ...toCallOptions(call), abortSignal: upstream.signal };
    const { stream } = await source.model.doStream(options);
    let finish: ModelPart | null = null;
    for await (const part of stream) {
      const mapped = toModelPart(part, source.name);
      if (mapped?.type === 'finish') finish = mapped;
      else if (mapped) {
        watchdog.stop();
        yield mapped;
      }
      watchdog.start();
    }
    if (!finish) throw new StreamCutError();
    watchdog.stop();
    yield finish;
  } catch (error) {
    throw upstream.signal.aborted ? upstream.signal.reason : error;
  } finally {
    watchdog.stop();
    call.signal.removeEventListener('abort', onAbort);
    upstream.abort();
  }
}

/** Null for what the port has no part for: reasoning, sources, metadata, tools the provider ran itself. */
function toModelPart(part: LanguageModelV4StreamPart, name: string): ModelPart | null {
  if (part.type === 'text-delta') return part.delta === '' ? null : { type: 'text', text: part.delta };
  if (part.type === 'finish') return toFinish(part, name);
  if (part.type === 'error') throw part.error instanceof Error ? part.error : new UpstreamError();
  if (part.type !== 'tool-call' || part.providerExecuted) return null;
  const call = { call_id: part.toolCallId, name: part.toolName, input: parseInput(part.input) };
  return { type: 'tool_call', call };
}

function toFinish(part: V4Finish, name: string): ModelPart {
  const { unified, raw } = part.finishReason;
  // A body that ends early without an error is reported as "interrupted", by some as "other" without a reason.
  if (unified === 'interrupted' || (unified === 'other' && raw === undefined)) throw new StreamCutError();
  if (unified === 'error') throw new UpstreamError();
  return {
    type: 'finish',
    reason: toReason(unified),
    usage: {
      input_tokens: part.usage.inputTokens.total ?? 0,
      output_tokens: part.usage.outputTokens.total ?? 0,
    },
    model: name,
  };
}

function toReason(unified: string): FinishReason {
  if (unified === 'stop' || unified === 'length') return unified;
  if (unified === 'tool-calls') return 'tool_calls';
  return unified === 'content-filter' ? 'content_filter' : 'other';
}

/** Broken JSON is passed on as text: the tool refuses it and the model sees why. */
function parseInput(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

class Watchdog {
  readonly #ms: number;
  readonly #bark: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, bark: () => void) {
    this.#ms = ms;
    this.#bark = bark;
  }

  start(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#bark, this.#ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
