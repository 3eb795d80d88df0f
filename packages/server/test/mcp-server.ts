import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });

/** A real MCP server whose tools show what the client did. */
export function createMcpServer(): McpServer {
  const server = new McpServer({ name: 'test', version: '1.0.0' });
  const numbers = { a: z.number(), b: z.number() };
  server.registerTool('add', { inputSchema: numbers, annotations: { readOnlyHint: true } }, ({ a, b }) =>
    text(String(a + b)),
  );
  server.registerTool('pid', {}, () => text(String(process.pid)));
  server.registerTool('structured', { outputSchema: { n: z.number() } }, () => ({
    ...text('{"n":1}'),
    structuredContent: { n: 1 },
  }));
  server.registerTool('fail', { annotations: { idempotentHint: true } }, () => ({
    ...text('no luck'),
    isError: true,
  }));
  server.registerTool('big', {}, () => text('x'.repeat(500_000)));
  server.registerTool('picture', {}, () => ({
    content: [{ type: 'image' as const, data: 'aGk=', mimeType: 'image/png' }],
  }));
  server.registerTool('hang', {}, () => new Promise<never>(() => undefined));
  server.registerTool('odd.name', {}, () => text('odd'));
  server.registerTool('crash', {}, () => process.exit(1));
  return server;
}

export interface HttpMcpServer {
  url: string;
  port: number;
  /** Times a session was opened. */
  sessions: number;
  /** As after a restart: no session is known any more. */
  forget(): void;
  close(): Promise<void>;
}

/** The same server over streamable HTTP; `port` 0 takes any free one. */
export async function startHttpMcpServer(port = 0): Promise<HttpMcpServer> {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const http = createServer((request, response) => void handle(request, response));
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers['mcp-session-id'];
    let transport = transports.get(String(id));
    if (!transport && id !== undefined) return void response.writeHead(404).end();
    if (!transport) {
      const created = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (sessionId) => {
          transports.set(sessionId, created);
          self.sessions += 1;
        },
      });
      transport = created;
      await createMcpServer().connect(created);
    }
    await transport.handleRequest(request, response);
  }
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  const bound = (http.address() as AddressInfo).port;
  const self: HttpMcpServer = {
    url: `http://127.0.0.1:${bound}/mcp`,
    port: bound,
    sessions: 0,
    forget: () => transports.clear(),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return self;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await createMcpServer().connect(new StdioServerTransport());
}
