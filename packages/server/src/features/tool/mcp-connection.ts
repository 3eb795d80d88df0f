import type { CallToolResult, ListToolsResult, MCPClient } from '@ai-sdk/mcp';
import type { McpServerOptions } from './mcp-schema.ts';

export type McpToolInfo = ListToolsResult['tools'][number];

const CONNECT_TIMEOUT_MS = 5_000;
const PROBE_TIMEOUT_MS = 2_000;
const MOST_PAGES = 20;

interface CallInput {
  name: string;
  input: Record<string, unknown>;
  /** Whether an attempt whose fate is unknown may be repeated. */
  repeatable: boolean;
  timeoutMs: number;
  signal: AbortSignal;
}

/** One MCP server: connected at first use and again after it was lost. */
export class McpConnection {
  readonly #options: McpServerOptions;
  #client: Promise<MCPClient> | null = null;

  constructor(options: McpServerOptions) {
    this.#options = options;
  }

  /** @throws when the server cannot be reached or does not answer in time */
  async listTools(): Promise<McpToolInfo[]> {
    const client = await this.#connect();
    try {
      const tools: McpToolInfo[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const result = await client.listTools({
          params: cursor === undefined ? undefined : { cursor },
          options: { timeout: CONNECT_TIMEOUT_MS },
        });
        tools.push(...result.tools);
        cursor = result.nextCursor;
        if (cursor === undefined) break;
      }
      return tools;
    } catch (error) {
      await this.#drop(client);
      throw error;
    }
  }

  /**
   * Calls a tool. A call that certainly never reached the server is repeated once on a new connection.
   * @throws what the client throws, when the server is lost or refuses
   */
  async call(call: CallInput): Promise<CallToolResult> {
    const client = await this.#connect();
    try {
      return await this.#send(client, call);
    } catch (error) {
      if (call.signal.aborted || isRefusal(error)) throw error;
      if (isTimeout(error)) {
        void this.#probe(client);
        throw error;
      }
      await this.#drop(client);
      if (!call.repeatable && !isUnsent(error)) throw error;
    }
    return this.#send(await this.#connect(), call);
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => null);
    if (client) await this.#drop(client);
  }

  #send(client: MCPClient, { name, input, timeoutMs, signal }: CallInput): Promise<CallToolResult> {
    return client.callTool({ name, arguments: input, options: { timeout: timeoutMs, signal } });
  }

  #connect(): Promise<MCPClient> {
    this.#client ??= this.#open().catch((error: unknown) => {
      this.#client = null;
      throw error;
    });
    return this.#client;
  }

  async #open(): Promise<MCPClient> {
    const { createMCPClient } = await import('@ai-sdk/mcp');
    const options = this.#options;
    const common = {
      clientName: 'holdfast',
      maxRetries: 0,
      initializationOptions: { timeout: CONNECT_TIMEOUT_MS },
    };
    if ('url' in options) {
      const transport = { type: 'http', url: options.url, headers: options.headers } as const;
      return createMCPClient({ ...common, transport });
    }
    const { Experimental_StdioMCPTransport: StdioTransport } = await import('@ai-sdk/mcp/mcp-stdio');
    const { command, args, env, cwd } = options;
    const transport = new StdioTransport({ command, args, env, cwd, stderr: 'ignore' });
    try {
      const client = await createMCPClient({ ...common, transport });
      const { onclose } = transport;
      transport.onclose = () => {
        onclose?.();
        void this.#drop(client);
      };
      return client;
    } catch (error) {
      await transport.close();
      throw error;
    }
  }

  /** Only the client given is forgotten: another one may have taken its place by now. */
  async #drop(client: MCPClient): Promise<void> {
    const current = this.#client;
    if (current && (await current.catch(() => null)) === client && this.#client === current)
      this.#client = null;
    await client.close().catch(() => undefined);
  }

  /** After a time-out: is the whole server stuck, or was it this call? */
  async #probe(client: MCPClient): Promise<void> {
    await client.listTools({ options: { timeout: PROBE_TIMEOUT_MS } }).catch(() => this.#drop(client));
  }
}

/** The server itself answered with an error: the connection is fine. */
function isRefusal(error: unknown): boolean {
  return typeof field(error, 'code') === 'number';
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Request timed out');
}

/** A closed client sends nothing; a server answers 404 to a session from before its restart. */
function isUnsent(error: unknown): boolean {
  if (field(error, 'statusCode') === 404) return true;
  return error instanceof Error && /closed client|not connected/.test(error.message);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
