import type { CloseReason, ControlFrame } from '@holdfast/protocol';
import type { FastifyRequest } from 'fastify';
import type { RawData, WebSocket } from 'ws';
import type { EphemeralFrame, Frame } from '../../core/log/index.ts';
import { FollowStream, type StreamOptions } from './stream-base.ts';
import type { StreamHub } from './stream-hub.ts';
import './surface.ts';

/** Largest message a client may send. */
export const WS_MAX_MESSAGE_BYTES = 4096;
export const WS_PROTOCOL = 'holdfast';

/** The close code of a client that sent anything but a ping. */
export const WS_BAD_MESSAGE = 4400;

export const WS_CLOSE_CODES: Record<CloseReason, number> = {
  credential_expired: 4401,
  credential_revoked: 4403,
  session_gone: 4404,
  slow_consumer: 4408,
  cursor_ahead: 4409,
  cursor_gone: 4410,
  internal_error: 4500,
  server_shutdown: 4503,
};

/** The subprotocol the server agrees to; a browser's `bearer.<token>` is never echoed. */
export function selectProtocol(offered: Set<string>): string | false {
  return offered.has(WS_PROTOCOL) ? WS_PROTOCOL : false;
}

class WsStream extends FollowStream {
  readonly #ws: WebSocket;
  #answered = true;

  constructor(hub: StreamHub, ws: WebSocket, request: FastifyRequest, options: StreamOptions) {
    super(hub, request.raw.socket, options);
    this.#ws = ws;
    ws.on('message', (data, isBinary) => this.#receive(data, isBinary));
    ws.on('pong', () => {
      this.#answered = true;
    });
  }

  protected override sendFrame(frame: Frame | EphemeralFrame): void {
    this.#ws.send(frame.json);
  }

  /** A peer that left the last ping unanswered is gone. */
  protected override sendKeepAlive(head: number): void {
    if (!this.#answered) return this.#ws.terminate();
    this.#answered = false;
    this.#ws.ping(`head=${head}`);
  }

  protected override sendClose(frame: ControlFrame): void {
    this.#ws.send(JSON.stringify(frame));
    this.#ws.close(WS_CLOSE_CODES[frame.reason], frame.reason);
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.ended) return;
    if (isBinary || !isPing((data as Buffer).toString()))
      return this.#ws.close(WS_BAD_MESSAGE, 'bad_message');
    if (!this.blocked) this.#ws.send(`{"type":"pong","head":${this.head}}`);
  }
}

function isPing(text: string): boolean {
  try {
    const message: unknown = JSON.parse(text);
    return (
      typeof message === 'object' &&
      message !== null &&
      Object.keys(message).length === 1 &&
      'type' in message &&
      message.type === 'ping'
    );
  } catch {
    return false;
  }
}

/**
 * Follows over an upgraded connection: each frame one text message. `{"type":"ping"}` is answered
 * by `{"type":"pong","head":n}`; any other message closes with 4400. Before the server closes it
 * sends the control frame, then the code of its reason.
 */
export function streamWs(options: StreamOptions & { request: FastifyRequest; socket: WebSocket }): void {
  const { request, socket } = options;
  const { principal } = request;
  new WsStream(request.server.surface.streams, socket, request, { ...options, principal }).start();
}
