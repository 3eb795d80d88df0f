import { connect, type Socket } from 'node:net';

export interface Target {
  kind: 'sse' | 'socket.io';
  /** `http://host:port` */
  url: string;
  path: string;
  headers: Record<string, string>;
}

/** The sockets of one process share it: what it holds is looked at before the next read. */
const READ_BUFFER = Buffer.alloc(256 * 1024);
/** A masked text message `40`: Socket.IO's "connect me to the main namespace". */
const JOIN = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]);

/** One bare socket that reads as little as counting needs, so that the server is what is measured. */
export class Connection {
  readonly socket: Socket;
  /** Bytes since `restart`. */
  bytes = 0;
  /** When the last of them came; milliseconds of `performance.now()`. */
  at = 0;
  onData: ((chunk: Buffer) => void) | null = null;
  #head = '';
  #isReady = false;
  readonly #ready = Promise.withResolvers<void>();

  /** @param silent whether to read nothing more once it is open */
  constructor(target: Target, silent = false) {
    const { hostname, port } = new URL(target.url);
    const onread = {
      buffer: READ_BUFFER,
      callback: (length: number) => {
        this.#read(length, target.kind);
        return !(silent && this.#isReady);
      },
    };
    this.socket = connect({ host: hostname, port: Number(port), onread });
    this.socket.setNoDelay(true);
    this.socket.on('error', (error) => this.#ready.reject(error));
    this.socket.on('close', () => this.#ready.reject(new Error(`closed: ${this.#head}`)));
    this.#ready.promise.catch(() => {});
    this.socket.write(requestOf(target));
  }

  ready(): Promise<void> {
    return this.#ready.promise;
  }

  restart(): void {
    this.bytes = 0;
    this.at = 0;
  }

  #read(length: number, kind: Target['kind']): void {
    if (!this.#isReady) return this.#open(READ_BUFFER.toString('latin1', 0, length), kind);
    this.bytes += length;
    this.at = performance.now();
    this.onData?.(READ_BUFFER.subarray(0, length));
  }

  /** SSE is open after the `retry:` line, Socket.IO once the server has confirmed the namespace. */
  #open(text: string, kind: Target['kind']): void {
    this.#head += text;
    const body = this.#head.indexOf('\r\n\r\n');
    if (body === -1) return;
    if (!/^HTTP\/1.1 (101|200)/.test(this.#head)) return this.#ready.reject(new Error(this.#head));
    const after = this.#head.slice(body + 4);
    if (kind === 'socket.io' && after.includes('"sid"') && !after.includes('40{')) this.socket.write(JOIN);
    if (kind === 'sse' ? !/retry: \d+\n\n/.test(after) : !/40\{[^}]*\}/.test(after)) return;
    this.#isReady = true;
    const rest = Buffer.from(kind === 'sse' ? after.replace(/^.*?retry: \d+\n\n/s, '') : '', 'latin1');
    this.#ready.resolve();
    if (rest.length === 0) return;
    this.bytes += rest.length;
    this.at = performance.now();
    this.onData?.(rest);
  }
}

function requestOf({ kind, url, path, headers }: Target): string {
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  const all = { host: new URL(url).host, ...headers, ...(kind === 'sse' ? {} : upgrade) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
