import type { Logger, Outbound, Tool, Tools } from '../../core/ports.ts';
import { calculate } from './calculate.ts';
import { currentTime } from './current-time.ts';
import { fetchUrl } from './fetch-url.ts';
import type { McpServerOptions } from './mcp-schema.ts';
import { McpServer } from './mcp.ts';
import { readDocument } from './read-document.ts';
import { searchDocuments } from './search-documents.ts';

export { mcpServersSchema, type McpServerOptions } from './mcp-schema.ts';

export interface ToolOptions {
  /** MCP servers by name; their tools are called `mcp__<server>__<tool>`. */
  mcpServers?: Readonly<Record<string, McpServerOptions>>;
  /** How fetch_url reaches what it fetches. */
  outbound: Outbound;
  /** Milliseconds for one fetch_url call, redirects included; 10,000 by default. */
  fetchTimeoutMs?: number;
  /** Wall clock, milliseconds since 1970. */
  now?: () => number;
}

export interface OwnedTools extends Tools {
  /** Ends the connections to MCP servers and the processes started for them. */
  close(): Promise<void>;
}

/** Everything this server can execute itself. Nothing is connected or loaded before it is used. */
export function createTools(options: ToolOptions, logger: Logger): OwnedTools {
  const { outbound, fetchTimeoutMs = 10_000, now = Date.now } = options;
  const builtIn = [
    currentTime(now),
    calculate,
    fetchUrl({ outbound, timeoutMs: fetchTimeoutMs }),
    readDocument,
    searchDocuments,
  ];
  const byName = new Map<string, Tool>(builtIn.map((tool) => [tool.name, tool]));
  const servers = Object.entries(options.mcpServers ?? {}).map(
    ([name, server]) => new McpServer(name, server, logger),
  );
  return {
    async names() {
      const outside = await Promise.all(servers.map((server) => server.names()));
      return [...byName.keys(), ...outside.flat()];
    },
    async find(name) {
      const tool = byName.get(name);
      if (tool) return tool;
      return (await servers.find((server) => server.owns(name))?.find(name)) ?? null;
    },
    async close() {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}
