import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { tortureStream } from './torture-stream.ts';

export interface TortureProxyOptions {
  /** Port of the server on 127.0.0.1. */
  port: number;
  random: () => number;
}

const MAX_DELAY_MS = 100;

/** Stands between client and server and does what a bad network does, until it is calmed. */
export class TortureProxy {
  /** How often each thing was done. */
  readonly counts: Record<string, number> = {};
  #calm = false;
  readonly #port: number;
  readonly #random: () => number;
  readonly #server: Server;

  constructor({ port, random }: TortureProxyOptions) {
    this.#port = port;
    this.#random = random;
    this.#server = createServer((incoming, outgoing) => {
      this.#answer(incoming, outgoing).catch(() => outgoing.destroy());
    });
    this.#server.on('upgrade', (incoming, socket) => void this.#upgrade(incoming, socket));
  }

  listen(): Promise<string> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () =>
        resolve(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`),
      );
    });
  }

  /** From now on it only passes on; connections that were spoiled before end. */
  calm(): void {
    this.#calm = true;
    this.#server.closeAllConnections();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** One of the faults, or null; each is as likely as its number of hundredths. */
  #pick<T extends string>(chances: Record<T, number>): T | null {
    let left = this.#calm ? Infinity : this.#random() * 100;
    for (const [fault, chance] of Object.entries(chances) as [T, number][]) {
      left -= chance;
      if (left >= 0) continue;
      this.#count(fault);
      return fault;
    }
    return null;
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readAll(incoming);
    this.#count(incoming.headers.accept === 'text/event-stream' ? 'streams' : 'requests');
    const fault = this.#pick({ cut: 8, busy: 6, page: 6, delay: 8, twice: 14 });
    if (fault === 'cut') return void outgoing.destroy();
    if (fault === 'busy') return void outgoing.writeHead(503, { 'retry-after': '0' }).end('{}');
    if (fault === 'page') return void outgoing.writeHead(502).end('<html>Bad gateway</html>');
    if (fault === 'delay') await sleep(this.#random() * MAX_DELAY_MS);
    // Both reach the server at once; the client sees the answer of one.
    if (fault === 'twice') void this.#forward(incoming, body).then((extra) => extra.destroy(), ignore);
    const reply = await this.#forward(incoming, body);
    if (reply.headers['content-type']?.startsWith('text/event-stream')) {
      outgoing.once('close', () => reply.destroy());
      return tortureStream(reply, outgoing, (chances) => this.#pick(chances), this.#random);
    }
    return this.#reply(reply, outgoing);
  }

  #forward(incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const { method, url: path, headers } = incoming;
    const target = { host: '127.0.0.1', port: this.#port, method, path, headers };
    return new Promise((resolve, reject) => {
      request(target, resolve).on('error', reject).end(body);
    });
  }

  async #reply(reply: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readAll(reply);
    const { 'content-length': _length, 'transfer-encoding': _coding, ...headers } = reply.headers;
    const status = reply.statusCode ?? 500;
    const fault = this.#pick({ lost: 10, truncated: 6, shortened: 6 });
    if (fault === 'lost') return void outgoing.destroy();
    const cut = Math.floor(this.#random() * body.length);
    if (fault === 'truncated') {
      outgoing.writeHead(status, { ...headers, 'content-length': body.length });
      outgoing.write(body.subarray(0, cut), () => outgoing.destroy());
      return;
    }
    // As by a proxy that lost its upstream and tells nobody.
    const sent = fault === 'shortened' ? body.subarray(0, cut) : body;
    outgoing.writeHead(status, { ...headers, 'content-length': sent.length }).end(sent);
  }

  /** WebSocket: bytes as they are, cut anywhere, delayed, or no longer passed on. */
  async #upgrade(incoming: IncomingMessage, socket: Duplex): Promise<void> {
    this.#count('sockets');
    const fault = this.#pick({ cut: 8, page: 8, delay: 8 });
    socket.on('error', ignore);
    if (fault === 'cut') return void socket.destroy();
    if (fault === 'page') return void socket.end('HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n');
    if (fault === 'delay') await sleep(this.#random() * MAX_DELAY_MS);
    const upstream = connect(this.#port, '127.0.0.1');
    const lines = incoming.rawHeaders.flatMap((name, n, all) =>
      n % 2 === 0 ? [`${name}: ${all[n + 1]}`] : [],
    );
    upstream.write(`GET ${incoming.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    socket.pipe(upstream);
    upstream.on('error', ignore).on('close', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
    let stalled = false;
    upstream.on('data', (bytes: Buffer) => {
      const what = stalled ? null : this.#pick({ cutSocket: 2, truncateFrame: 2, stallSocket: 0.3 });
      stalled ||= what === 'stallSocket';
      if (stalled) return;
      if (what === 'cutSocket') return void socket.destroy();
      if (what === null) return void socket.write(bytes);
      socket.end(bytes.subarray(0, Math.floor(this.#random() * bytes.length)));
    });
  }
}

function ignore(): void {
  // What broke is what was meant to break.
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
