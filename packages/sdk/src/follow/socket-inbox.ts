import { CLOSE_REASONS, type CloseReason } from '@holdfast/protocol';
import { unreachable } from '../errors.ts';
import type { Signal } from './resume.ts';

/** A WebSocket cannot be told to wait: what a slow consumer leaves unread ends the connection. */
const MAX_UNREAD_CHARS = 4 * 1024 * 1024;
const PING_MS = 15_000;
const PONG = /^\{"type":"pong","head":(\d{1,16})\}$/;

/** The messages of one WebSocket, in batches as they are asked for. */
export class SocketInbox {
  readonly #socket: WebSocket;
  readonly #silenceMs: number;
  #unread: Signal[] = [];
  #unreadChars = 0;
  #opened = false;
  #over: Error | null = null;
  #wake: (() => void) | null = null;
  #heardAt = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(socket: WebSocket, silenceMs: number) {
    this.#socket = socket;
    this.#silenceMs = silenceMs;
    socket.addEventListener('open', () => {
      this.#opened = true;
      this.#put({ kind: 'open' }, 0);
    });
    socket.addEventListener('message', ({ data }) => this.#receive(data));
    socket.addEventListener('error', () => this.end('The connection broke.'));
    socket.addEventListener('close', ({ reason }) => {
      if (isCloseReason(reason)) this.#put({ kind: 'closed', reason }, 0);
      this.end('The connection was closed.');
    });
    this.#timer = setInterval(() => this.#checkSilence(), Math.min(PING_MS, silenceMs / 3));
  }

  /** Whether the server accepted the connection. */
  get opened(): boolean {
    return this.#opened;
  }

  /** Takes nothing more; what was received before is still given. */
  end(why: string): void {
    if (this.#over !== null) return;
    this.#over = unreachable(why);
    clearInterval(this.#timer);
    this.#socket.close();
    this.#wake?.();
  }

  /** @throws HoldfastError once the connection is over and everything of it was given */
  async *batches(): AsyncGenerator<readonly Signal[], never> {
    for (;;) {
      const batch = this.#unread;
      this.#unread = [];
      this.#unreadChars = 0;
      if (batch.length > 0) yield batch;
      else if (this.#over !== null) throw this.#over;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #receive(data: unknown): void {
    this.#heardAt = performance.now();
    if (typeof data !== 'string') return this.#put({ kind: 'broken', why: 'a message is not text' }, 0);
    const head = PONG.exec(data)?.[1];
    if (head === undefined) this.#put({ kind: 'frame', text: data }, data.length);
    else this.#put({ kind: 'head', head: Number(head) }, 0);
  }

  #put(item: Signal, chars: number): void {
    if (this.#over !== null) return;
    this.#unread.push(item);
    this.#unreadChars += chars;
    if (this.#unreadChars > MAX_UNREAD_CHARS) this.end('Messages came faster than they were read.');
    this.#wake?.();
  }

  /** A browser answers pings of the server by itself and tells nobody: so the client asks, too. */
  #checkSilence(): void {
    if (performance.now() - this.#heardAt >= this.#silenceMs)
      this.end(`Nothing came for ${this.#silenceMs} ms.`);
    else if (this.#opened) this.#socket.send('{"type":"ping"}');
  }
}

function isCloseReason(reason: string): reason is CloseReason {
  return (CLOSE_REASONS as readonly string[]).includes(reason);
}
