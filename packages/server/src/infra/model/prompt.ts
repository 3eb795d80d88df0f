import type {
  JSONValue,
  LanguageModelV4CallOptions,
  LanguageModelV4FunctionTool,
  LanguageModelV4Message,
} from '@ai-sdk/provider';
import type { ModelCall, ModelMessage, ToolCall, ToolSpec } from '../../core/ports.ts';

type AssistantMessage = Extract<LanguageModelV4Message, { role: 'assistant' }>;
type ToolMessage = Extract<LanguageModelV4Message, { role: 'tool' }>;
type ResultPart = Extract<ToolMessage['content'][number], { type: 'tool-result' }>;
type ToolResult = Extract<ModelMessage, { role: 'tool' }>;

/** Maps one call to the AI SDK's provider interface; `abortSignal` is left to the caller. */
export function toCallOptions(call: ModelCall): LanguageModelV4CallOptions {
  return {
    prompt: toPrompt(call.instructions, call.messages),
    tools: call.tools.length > 0 ? call.tools.map(toFunctionTool) : undefined,
    maxOutputTokens: call.max_output_tokens,
    providerOptions: { openai: { store: false } },
  };
}

/**
 * Instructions and system messages come first as one system message, because some providers take only one.
 * Providers refuse a tool call without its result (left by a cancelled run), so each gets one here.
 */
export function toPrompt(instructions: string, messages: readonly ModelMessage[]): LanguageModelV4Message[] {
  const system = [instructions, ...messages.flatMap((m) => (m.role === 'system' ? [m.content] : []))];
  const prompt: LanguageModelV4Message[] = [];
  const text = system.filter((part) => part.trim() !== '').join('\n\n');
  if (text !== '') prompt.push({ role: 'system', content: text });
  messages.forEach((message, index) => {
    if (message.role === 'user') {
      prompt.push({ role: 'user', content: [{ type: 'text', text: message.content }] });
    } else if (message.role === 'assistant') {
      pushAssistant(prompt, message.content, message.tool_calls ?? [], messages.slice(index + 1));
    }
  });
  return prompt;
}

function pushAssistant(
  prompt: LanguageModelV4Message[],
  content: string,
  calls: readonly ToolCall[],
  later: readonly ModelMessage[],
): void {
  const parts: AssistantMessage['content'] = [];
  if (content.trim() !== '') parts.push({ type: 'text', text: content });
  for (const call of calls) {
    parts.push({
      type: 'tool-call',
      toolCallId: call.call_id,
      toolName: call.name,
      input: isObject(call.input) ? call.input : { input: call.input ?? null },
    });
  }
  if (parts.length === 0) return;
  prompt.push({ role: 'assistant', content: parts });
  if (calls.length > 0) {
    prompt.push({ role: 'tool', content: calls.map((call) => toResultPart(call, findResult(call, later))) });
  }
}

/** A call id may come back in a later turn: the search ends where that turn begins. */
function findResult(call: ToolCall, later: readonly ModelMessage[]): ToolResult | undefined {
  for (const message of later) {
    if (message.role === 'tool' && message.call_id === call.call_id) return message;
    if (message.role === 'assistant' && message.tool_calls?.some((c) => c.call_id === call.call_id)) break;
  }
  return undefined;
}

function toResultPart(call: ToolCall, result: ToolResult | undefined): ResultPart {
  const base = { type: 'tool-result', toolCallId: call.call_id, toolName: call.name } as const;
  if (!result) return { ...base, output: { type: 'error-text', value: 'The call was interrupted.' } };
  const value = (result.output ?? null) as JSONValue;
  if (typeof value === 'string') {
    return { ...base, output: { type: result.is_error ? 'error-text' : 'text', value } };
  }
  return { ...base, output: { type: result.is_error ? 'error-json' : 'json', value } };
}

function toFunctionTool(tool: ToolSpec): LanguageModelV4FunctionTool {
  return {
    type: 'function',
    name: tool.name,
    description: tool.description,
    inputSchema: tool.input_schema as LanguageModelV4FunctionTool['inputSchema'],
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
