import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { serve } from './serve.ts';

/** Answers of a bare `node:http` server, for what our own is compared with. */
const sockets = new Set<Socket>();
const held = new Set<ServerResponse>();
const RETRY = 'retry: 1000\n\n';
const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };
let frame: Buffer = Buffer.alloc(0);
let reply = '{}';
let flood = 0;

/** The socket itself, as our server takes it over: what is written leaves as it is. */
function followRaw(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  response.useChunkedEncodingByDefault = false;
  response.writeHead(200, { ...HEADERS, connection: 'close' });
  response.write(RETRY);
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
}

/** What most servers do: keep the response and write to it, whatever `write` answers. */
function followPlain(response: ServerResponse): void {
  response.writeHead(200, HEADERS);
  response.write(RETRY);
  held.add(response);
  response.once('close', () => held.delete(response));
  for (let sent = 0; sent < flood; sent += frame.length) response.write(Buffer.from(frame));
}

const server = createServer((request, response) => {
  if (request.method === 'GET' && request.url === '/raw') return followRaw(request, response);
  if (request.method === 'GET') return followPlain(response);
  request.resume();
  request.once('end', () => {
    if (request.url === '/publish') for (const socket of sockets) socket.write(frame);
    response.writeHead(201, { 'content-type': 'application/json' }).end(reply);
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

/** Every event to every socket, `batch` events to a write; waits for a socket that is full. */
async function saturate({ events, batch }: { events: number; batch: number }): Promise<void> {
  for (let sent = 0; sent < events; sent += batch) {
    for (const socket of sockets) {
      if (socket.writableNeedDrain) await once(socket, 'drain');
      if (batch > 1) socket.cork();
      for (let index = 0; index < batch; index += 1) socket.write(frame);
      if (batch > 1) socket.uncork();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

serve({
  url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  setFrame: (text: string) => void (frame = Buffer.from(text)),
  setReply: (text: string) => void (reply = text),
  /** Bytes that each plain follower is sent as soon as it connects. */
  setFlood: (bytes: number) => void (flood = bytes),
  saturate,
});
