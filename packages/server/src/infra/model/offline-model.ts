import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4Message,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';
import { readIntent } from './offline-intent.ts';
import { writeAnswer, writeReply, type ToolResult } from './offline-answer.ts';

export interface OfflineOptions {
  /** Pause before each word, milliseconds. */
  tokenDelayMs: number;
  /** Whether this server has real models beside this one; changes only what the answer says about it. */
  modelsConfigured?: boolean;
}

type Plan = { text: string } | { calls: { name: string; input: Record<string, unknown> }[] };
type Message<Role> = Extract<LanguageModelV4Message, { role: Role }>;

const DONE = { unified: 'stop', raw: 'stop' } as const;
const CALLED = { unified: 'tool-calls', raw: 'tool_calls' } as const;
const CUT = { unified: 'length', raw: 'length' } as const;

/**
 * A model without a language model: runs tools whose use is plain from the message, answers from documents
 * by quoting them with citations, and says so. The same prompt always gives the same parts; tokens are words.
 */
export function createOfflineModel(options: OfflineOptions): LanguageModelV4 {
  const model: LanguageModelV4 = {
    specificationVersion: 'v4',
    provider: 'holdfast',
    modelId: 'offline',
    supportedUrls: {},
    async doStream(call) {
      return { stream: ReadableStream.from(streamParts(call, options)) };
    },
    async doGenerate(call) {
      const content: LanguageModelV4Content[] = [];
      let text = '';
      for await (const part of streamParts(call, { ...options, tokenDelayMs: 0 })) {
        if (part.type === 'text-delta') text += part.delta;
        else if (part.type === 'tool-call') content.push(part);
        else if (part.type === 'finish') {
          if (text !== '') content.unshift({ type: 'text', text });
          return { content, finishReason: part.finishReason, usage: part.usage, warnings: [] };
        }
      }
      throw new Error('unreachable');
    },
  };
  return model;
}

async function* streamParts(
  call: LanguageModelV4CallOptions,
  options: OfflineOptions,
): AsyncGenerator<LanguageModelV4StreamPart, void> {
  call.abortSignal?.throwIfAborted();
  yield { type: 'stream-start', warnings: [] };
  const inputTokens = countInput(call.prompt);
  const plan = makePlan(call, options);
  if ('calls' in plan) {
    const seed = createHash('sha256').update(JSON.stringify(call.prompt)).digest('hex').slice(0, 20);
    for (const [index, { name, input }] of plan.calls.entries()) {
      const toolCallId = `call_${seed}_${index}`;
      yield { type: 'tool-call', toolCallId, toolName: name, input: JSON.stringify(input) };
    }
    const usage = toUsage(inputTokens, countWords(JSON.stringify(plan.calls)));
    yield { type: 'finish', finishReason: CALLED, usage };
    return;
  }
  const tokens = plan.text.match(/\s*\S+\s*/g) ?? [];
  const limit = Math.min(tokens.length, call.maxOutputTokens ?? Infinity);
  yield { type: 'text-start', id: '1' };
  for (let index = 0; index < limit; index += 1) {
    await pause(options.tokenDelayMs, call.abortSignal);
    yield { type: 'text-delta', id: '1', delta: tokens[index] ?? '' };
  }
  yield { type: 'text-end', id: '1' };
  const finishReason = limit < tokens.length ? CUT : DONE;
  yield { type: 'finish', finishReason, usage: toUsage(inputTokens, limit) };
}

/** After results it always answers, so a run ends after one round of tools. */
function makePlan(call: LanguageModelV4CallOptions, options: OfflineOptions): Plan {
  const { text, results } = readLatestTurn(call.prompt);
  const offered = new Set(
    call.toolChoice?.type === 'none' ? [] : (call.tools ?? []).map((tool) => tool.name),
  );
  const intent = readIntent(text, offered);
  const modelsConfigured = options.modelsConfigured ?? false;
  if (results.length > 0) return { text: writeAnswer({ intent, results, modelsConfigured }) };
  if (intent.calls.length > 0) return { calls: intent.calls };
  if (intent.problems.length === 0 && intent.asks && offered.has('search_documents')) {
    return { calls: [{ name: 'search_documents', input: { query: intent.question, limit: 8 } }] };
  }
  return { text: writeReply({ intent, offered: [...offered], modelsConfigured }) };
}

/** The latest user message, and every tool result after it. */
function readLatestTurn(prompt: readonly LanguageModelV4Message[]): { text: string; results: ToolResult[] } {
  const last = prompt.findLastIndex((message) => message.role === 'user');
  const text = last < 0 ? '' : textOf(prompt[last] as Message<'user'>);
  const inputs = new Map<string, unknown>();
  const results: ToolResult[] = [];
  for (const message of prompt.slice(last + 1)) {
    if (message.role !== 'assistant' && message.role !== 'tool') continue;
    for (const part of message.content) {
      if (part.type === 'tool-call') inputs.set(part.toolCallId, part.input);
      if (part.type !== 'tool-result') continue;
      const { output } = part;
      const value = 'value' in output ? output.value : (output.reason ?? 'The call was denied.');
      const isError = output.type.startsWith('error') || output.type === 'execution-denied';
      results.push({ tool: part.toolName, input: inputs.get(part.toolCallId), value, isError });
    }
  }
  return { text, results };
}

function textOf(message: Message<'user'>): string {
  return message.content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal });
  signal?.throwIfAborted();
}

function countInput(prompt: readonly LanguageModelV4Message[]): number {
  let words = 0;
  for (const message of prompt) {
    if (typeof message.content === 'string') words += countWords(message.content);
    else {
      for (const part of message.content) {
        words += countWords(part.type === 'text' ? part.text : JSON.stringify(part));
      }
    }
  }
  return words;
}

function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

function toUsage(input: number, output: number): LanguageModelV4Usage {
  return {
    inputTokens: { total: input, noCache: input, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: output, text: output, reasoning: 0 },
  };
}
