import { createHash } from 'node:crypto';
import type { CallToolResult } from '@ai-sdk/mcp';
import { DomainError, invalid } from '../../core/errors.ts';
import type { Logger, Tool } from '../../core/ports.ts';
import { capText } from './define.ts';
import { McpConnection, type McpToolInfo } from './mcp-connection.ts';
import type { McpServerOptions } from './mcp-schema.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
const LIST_MAX_AGE_MS = 60_000;
/** How long a server that did not answer is left alone when tools are listed. */
const DEAD_FOR_MS = 5_000;
/** What OpenAI takes as the name of a tool. */
const MAX_NAME = 64;
const MAX_OUTPUT_CHARS = 60_000;

/** The tools of one configured MCP server. A server that does not answer has the tools it last had. */
export class McpServer {
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #connection: McpConnection;
  readonly #logger: Logger;
  #tools = new Map<string, Tool>();
  #freshUntil = -Infinity;
  #listing: Promise<void> | null = null;
  #dead = false;

  constructor(name: string, options: McpServerOptions, logger: Logger) {
    this.#name = name;
    this.#timeoutMs = options.timeout_ms ?? DEFAULT_TIMEOUT_MS;
    this.#connection = new McpConnection(options);
    this.#logger = logger;
  }

  owns(name: string): boolean {
    return name.startsWith(`mcp__${this.#name}__`);
  }

  /** Never fails. */
  async names(): Promise<string[]> {
    await this.#refresh();
    return [...this.#tools.keys()];
  }

  /** Never fails; asks the server only for a tool it has not listed yet. */
  async find(name: string): Promise<Tool | null> {
    if (!this.#tools.has(name)) await this.#refresh();
    return this.#tools.get(name) ?? null;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #refresh(): Promise<void> {
    if (performance.now() < this.#freshUntil) return Promise.resolve();
    this.#listing ??= this.#list().finally(() => {
      this.#listing = null;
    });
    return this.#listing;
  }

  async #list(): Promise<void> {
    try {
      const tools = new Map<string, Tool>();
      for (const info of await this.#connection.listTools()) {
        const tool = this.#toTool(info, tools);
        tools.set(tool.name, tool);
      }
      this.#tools = tools;
      this.#freshUntil = performance.now() + LIST_MAX_AGE_MS;
      if (this.#dead) this.#logger.info({ mcp_server: this.#name }, 'MCP server answers again');
      this.#dead = false;
    } catch (error) {
      this.#freshUntil = performance.now() + DEAD_FOR_MS;
      if (!this.#dead)
        this.#logger.warn({ mcp_server: this.#name, err: error }, 'MCP server does not answer');
      this.#dead = true;
    }
  }

  #toTool(info: McpToolInfo, taken: ReadonlyMap<string, Tool>): Tool {
    const { readOnlyHint, idempotentHint } = info.annotations ?? {};
    const policy = readOnlyHint || idempotentHint ? 'retry' : 'once';
    return {
      name: toName(this.#name, info.name, taken),
      description: (info.description ?? info.name).slice(0, 1_000),
      input_schema: { ...info.inputSchema, type: 'object' },
      policy,
      timeout_ms: this.#timeoutMs,
      execute: async (input, { signal }) => {
        if (typeof input !== 'object' || input === null || Array.isArray(input)) {
          throw invalid('input', 'must be an object');
        }
        const call = { name: info.name, input: { ...input }, repeatable: policy === 'retry' };
        const result = await this.#call({ ...call, timeoutMs: this.#timeoutMs, signal });
        return toOutput(info.name, result);
      },
    };
  }

  async #call(call: Parameters<McpConnection['call']>[0]): Promise<CallToolResult> {
    try {
      return await this.#connection.call(call);
    } catch (error) {
      call.signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : 'unknown failure';
      this.#logger.warn({ mcp_server: this.#name, tool: call.name, reason }, 'MCP tool call failed');
      throw new DomainError(
        'EXTERNAL_SERVICE_ERROR',
        `The MCP server "${this.#name}" failed: ${reason.slice(0, 300)}`,
      );
    }
  }
}

/** Names that models accept; two that would become the same are told apart by a hash. */
function toName(server: string, tool: string, taken: ReadonlyMap<string, Tool>): string {
  const name = `mcp__${server}__${tool.replace(/[^A-Za-z0-9_-]/g, '_')}`;
  if (name.length <= MAX_NAME && !taken.has(name)) return name;
  const hash = createHash('sha256').update(tool).digest('hex').slice(0, 8);
  return `${name.slice(0, MAX_NAME - 9)}_${hash}`;
}

function toOutput(tool: string, result: CallToolResult): unknown {
  const content = 'content' in result && Array.isArray(result.content) ? (result.content as unknown[]) : [];
  const text = content.map(toText).join('\n');
  if (result.isError) {
    throw new DomainError('EXTERNAL_SERVICE_ERROR', capText(text || `The tool ${tool} failed.`, 2_000).text);
  }
  const structured = 'structuredContent' in result ? result.structuredContent : undefined;
  if (structured !== undefined && JSON.stringify(structured).length <= MAX_OUTPUT_CHARS) return structured;
  return capText(text || JSON.stringify(structured ?? null), MAX_OUTPUT_CHARS);
}

/** Pictures, sound and files are named, not passed on: they would not fit into an event. */
function toText(part: unknown): string {
  if (typeof part !== 'object' || part === null) return '';
  const { type, text, mimeType, resource } = part as Record<string, unknown>;
  if (type === 'text' && typeof text === 'string') return text;
  const inner =
    typeof resource === 'object' && resource !== null ? (resource as Record<string, unknown>) : {};
  if (typeof inner.text === 'string') return inner.text;
  return `[${String(type)}${typeof mimeType === 'string' ? ` ${mimeType}` : ''} not shown]`;
}
