import type { ControlFrame } from '@holdfast/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EphemeralFrame, Frame } from '../../core/log/index.ts';
import { invalid } from '../../core/errors.ts';
import { FollowStream, type StreamOptions } from './stream-base.ts';
import './surface.ts';

const RETRY_MIN_MS = 1000;
const RETRY_SPREAD_MS = 2000;
const WHOLE_NUMBER = /^\d{1,16}$/;

/** A page of a log is handed over in parts of this size: thousands of small writes cost more than the rest. */
const PART_CHARS = 64 * 1024;

class SseStream extends FollowStream {
  #part = '';

  /** What many follow is encoded once for all; what one reader catches up with goes out in large parts. */
  protected override sendFrame(frame: Frame | EphemeralFrame): void {
    if ('isShared' in frame && !frame.isShared) {
      this.#part += frame.sseText;
      if (this.#part.length >= PART_CHARS) this.flush();
      return;
    }
    this.flush();
    this.socket.write(frame.sse);
  }

  protected override flush(): void {
    if (this.#part === '') return;
    const part = Buffer.from(this.#part);
    this.#part = '';
    this.socket.write(part);
  }

  protected override sendKeepAlive(head: number): void {
    this.socket.write(`: head=${head}\n\n`);
  }

  protected override sendClose(frame: ControlFrame): void {
    this.socket.end(`data: ${JSON.stringify(frame)}\n\n`);
  }
}

/**
 * Where a follow begins. `Last-Event-ID` wins over `after`: an EventSource that reconnects sends it
 * with its old URL. An empty header is no header, as the standard has it.
 * @throws VALIDATION_ERROR naming Last-Event-ID when it is not a sequence number
 */
export function parseLastEventId(request: Pick<FastifyRequest, 'headers'>, after: number): number {
  const given = request.headers['last-event-id'];
  if (given === undefined || given === '') return after;
  const seq = WHOLE_NUMBER.test(String(given)) ? Number(given) : Number.NaN;
  if (!Number.isSafeInteger(seq)) throw invalid('Last-Event-ID', 'must be a sequence number');
  return seq;
}

/** Whether the caller asks for a stream instead of a JSON page. */
export function wantsSse(request: Pick<FastifyRequest, 'headers'>): boolean {
  return /(^|,)\s*text\/event-stream\b/i.test(request.headers.accept ?? '');
}

/**
 * Takes over the reply and streams a follow until either side ends it. Refuse (unknown session,
 * cursor ahead) before calling this: from here on the status is 200.
 *
 * The body is delimited by the end of the connection, not chunked, so that each frame's bytes go
 * to every socket as they are.
 */
export function streamSse(options: StreamOptions & { request: FastifyRequest; reply: FastifyReply }): void {
  const { request, reply } = options;
  const { raw } = reply;
  reply.hijack();
  raw.useChunkedEncodingByDefault = false;
  const headers = { ...reply.getHeaders() };
  delete headers['content-length'];
  raw.writeHead(200, {
    ...(headers as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    connection: 'close',
  });
  if (request.method === 'HEAD') return void raw.end();
  const retry = RETRY_MIN_MS + Math.floor(Math.random() * RETRY_SPREAD_MS);
  raw.write(`retry: ${retry}\n\n`);
  const { principal, server } = request;
  new SseStream(server.surface.streams, request.raw.socket, { ...options, principal }).start();
}
