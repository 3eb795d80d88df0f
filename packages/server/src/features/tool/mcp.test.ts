import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ToolContext } from '../../core/ports.ts';
import { silentLogger } from '../../../test/harness.ts';
import { startHttpMcpServer, type HttpMcpServer } from '../../../test/mcp-server.ts';
import { createOutbound } from '../../infra/net/index.ts';
import { createTools, mcpServersSchema, type McpServerOptions, type OwnedTools } from './index.ts';

const script = fileURLToPath(new URL('../../../test/mcp-server.ts', import.meta.url));
const stdio: McpServerOptions = { command: process.execPath, args: [script], timeout_ms: 5_000 };

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

function toolsOf(mcpServers: Record<string, McpServerOptions>): OwnedTools {
  const tools = createTools({ mcpServers, outbound: createOutbound() }, silentLogger);
  open.unshift(() => tools.close());
  return tools;
}

async function startHttp(port?: number): Promise<HttpMcpServer> {
  const server = await startHttpMcpServer(port);
  open.push(() => server.close());
  return server;
}

async function run(
  tools: OwnedTools,
  name: string,
  input: unknown = {},
  signal = AbortSignal.timeout(15_000),
) {
  const tool = await tools.find(name);
  if (!tool) throw new Error(`no tool ${name}`);
  return tool.execute(input, { signal } as ToolContext);
}

describe.each(['stdio', 'http'] as const)('an MCP server over %s', (kind) => {
  async function tools(): Promise<OwnedTools> {
    return toolsOf({ peer: kind === 'stdio' ? stdio : { url: (await startHttp()).url, timeout_ms: 5_000 } });
  }

  test('lists its tools with policy, schema and a name that models accept', async () => {
    const all = await tools();
    const names = (await all.names()).filter((name) => name.startsWith('mcp__'));
    expect(names).toContain('mcp__peer__add');
    expect(names).toContain('mcp__peer__odd_name');
    expect(names.every((name) => /^[a-zA-Z0-9_-]{1,64}$/.test(name))).toBe(true);
    const add = await all.find('mcp__peer__add');
    expect(add).toMatchObject({
      policy: 'retry',
      timeout_ms: 5_000,
      input_schema: { type: 'object', required: ['a', 'b'] },
    });
    expect(await all.find('mcp__peer__fail')).toMatchObject({ policy: 'retry' });
    expect(await all.find('mcp__peer__pid')).toMatchObject({ policy: 'once' });
    expect(await all.find('mcp__peer__nothing')).toBeNull();
    expect(await all.find('mcp__other__add')).toBeNull();
  });

  test('runs a tool and gives its result, or its error', async () => {
    const all = await tools();
    expect(await run(all, 'mcp__peer__add', { a: 2, b: 3 })).toEqual({ text: '5', truncated: false });
    expect(await run(all, 'mcp__peer__structured')).toEqual({ n: 1 });
    expect(await run(all, 'mcp__peer__odd_name')).toMatchObject({ text: 'odd' });
    expect(await run(all, 'mcp__peer__picture')).toMatchObject({ text: '[image image/png not shown]' });
    await expect(run(all, 'mcp__peer__fail')).rejects.toThrow('no luck');
    await expect(run(all, 'mcp__peer__add', { a: 'x' })).rejects.toThrow();
    await expect(run(all, 'mcp__peer__add', 'text')).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(await run(all, 'mcp__peer__add', { a: 1, b: 1 })).toMatchObject({ text: '2' });
  });

  test('a huge result is cut so that it fits into an event', async () => {
    const output = (await run(await tools(), 'mcp__peer__big')) as { text: string };
    expect(output).toMatchObject({ truncated: true });
    expect(output.text.length).toBeLessThan(100_000);
  });

  test('an abort ends the wait with its reason, and the server stays usable', async () => {
    const all = await tools();
    await all.names();
    const abort = new AbortController();
    const call = run(all, 'mcp__peer__hang', {}, abort.signal);
    const reason = new Error('cancelled');
    queueMicrotask(() => abort.abort(reason));
    await expect(call).rejects.toBe(reason);
    expect(await run(all, 'mcp__peer__add', { a: 1, b: 2 })).toMatchObject({ text: '3' });
  });
});

test('a process that died is started again, and the call that killed it is not repeated', async () => {
  const all = toolsOf({ peer: stdio });
  const first = await run(all, 'mcp__peer__pid');
  await expect(run(all, 'mcp__peer__crash')).rejects.toMatchObject({ code: 'EXTERNAL_SERVICE_ERROR' });
  const second = await run(all, 'mcp__peer__pid');
  expect(second).not.toEqual(first);
  const { text } = second as { text: string };
  process.kill(Number(text), 'SIGKILL');
  await vi.waitFor(() => expect(() => process.kill(Number(text), 0)).toThrow());
  expect(await run(all, 'mcp__peer__add', { a: 1, b: 2 })).toMatchObject({ text: '3' });
});

test('closing ends the process', async () => {
  const all = toolsOf({ peer: stdio });
  const { text } = (await run(all, 'mcp__peer__pid')) as { text: string };
  await all.close();
  await vi.waitFor(() => expect(() => process.kill(Number(text), 0)).toThrow());
});

test('an HTTP server that was restarted is connected again', async () => {
  const server = await startHttp();
  const all = toolsOf({ peer: { url: server.url } });
  await run(all, 'mcp__peer__pid');
  await server.close();
  await expect(run(all, 'mcp__peer__pid')).rejects.toMatchObject({ code: 'EXTERNAL_SERVICE_ERROR' });
  const again = await startHttp(server.port);
  expect(await run(all, 'mcp__peer__pid')).toMatchObject({ text: String(process.pid) });
  expect(again.sessions).toBe(1);
});

test('a session that the server no longer knows is opened anew within the same call', async () => {
  const server = await startHttp();
  const all = toolsOf({ peer: { url: server.url } });
  await run(all, 'mcp__peer__pid');
  server.forget();
  expect(await run(all, 'mcp__peer__pid')).toMatchObject({ text: String(process.pid) });
  expect(server.sessions).toBe(2);
});

test('dead servers break neither the list nor the tools of the others', async () => {
  const gone = await startHttp();
  await gone.close();
  const all = toolsOf({
    refused: { url: gone.url },
    missing: { command: '/nowhere/at/all' },
    silent: { command: process.execPath, args: ['-e', 'process.exit(3)'] },
    alive: { url: (await startHttp()).url },
  });
  const names = await all.names();
  expect(names).toContain('calculate');
  expect(names).toContain('mcp__alive__add');
  expect(names.filter((name) => /refused|missing|silent/.test(name))).toEqual([]);
  expect(await all.find('mcp__missing__add')).toBeNull();
  expect(await run(all, 'mcp__alive__add', { a: 1, b: 2 })).toMatchObject({ text: '3' });
});

test('the configuration is checked', () => {
  expect(
    mcpServersSchema.parse({ a: { url: 'https://x.example/mcp' }, 'b-1': { command: 'run' } }),
  ).toBeTruthy();
  for (const wrong of [
    { a: {} },
    { a: { url: 'ftp://x' } },
    { a__b: { command: 'x' } },
    { 'a b': { command: 'x' } },
    { a: { command: 'x', extra: 1 } },
  ]) {
    expect(mcpServersSchema.safeParse(wrong).success).toBe(false);
  }
});
