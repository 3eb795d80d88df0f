import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { serve } from './serve.ts';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false, pingInterval: 600_000 });
http.listen(0, '127.0.0.1');
await once(http, 'listening');

/** Emits to all, one event a turn of the loop. */
async function saturate({
  events,
  name,
  data,
}: {
  events: number;
  name: string;
  data: object;
}): Promise<void> {
  for (let sent = 0; sent < events; sent += 1) {
    io.emit(name, data);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

serve({ url: () => `http://127.0.0.1:${(http.address() as AddressInfo).port}`, saturate });
