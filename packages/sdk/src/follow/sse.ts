import { createParser } from 'eventsource-parser';
import { unexpectedReply, unreachable } from '../errors.ts';
import { pathOf, type HttpClient } from '../http/http-client.ts';
import type { Connect, Signal } from './resume.ts';

/** An unfinished answer may come as one frame, each of its characters escaped. */
const MAX_FRAME_CHARS = 8 * 1024 * 1024;
const HEAD = /^head=(\d{1,16})$/;

/** Turns bytes of a stream into signals; whatever is not exactly as the server writes it is `broken`. */
export class SseReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #found: Signal[] = [];
  readonly #parser = createParser({
    maxBufferSize: MAX_FRAME_CHARS,
    onEvent: ({ data, id = null }) => this.#found.push({ kind: 'frame', text: data, id }),
    onRetry: (ms) => this.#found.push({ kind: 'retry', ms }),
    onComment: (comment) => {
      const head = HEAD.exec(comment)?.[1];
      if (head !== undefined) this.#found.push({ kind: 'head', head: Number(head) });
    },
    onError: ({ message }) => this.#found.push({ kind: 'broken', why: message }),
  });

  feed(bytes: Uint8Array): readonly Signal[] {
    this.#found = [];
    try {
      this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    } catch {
      this.#found.push({ kind: 'broken', why: 'the stream is not UTF-8' });
    }
    return this.#found;
  }
}

/** Follows over server-sent events, read with `fetch`: a chunk is read when the one before is used up. */
export function connectSse(http: HttpClient, sessionId: string, silenceMs: number): Connect {
  return async function* connect(after, signal) {
    const path = `${pathOf`/sessions/${sessionId}/events`}?after=${after}`;
    const headers = { accept: 'text/event-stream', 'last-event-id': String(after) };
    const response = await http.open(path, headers, signal);
    const { body } = response;
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    if (!isStream || body === null) throw unexpectedReply(response.status, 'the answer is not a stream.');
    yield [{ kind: 'open' }];
    const source = body.getReader();
    const parser = new SseReader();
    try {
      for (;;) {
        const { done, value } = await withinSilence(source.read(), silenceMs);
        if (done) return;
        yield parser.feed(value);
      }
    } finally {
      source.cancel().catch(() => undefined);
    }
  };
}

async function withinSilence<T>(reading: Promise<T>, silenceMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came for ${silenceMs} ms`)), silenceMs);
  });
  try {
    return await Promise.race([reading, silence]);
  } catch (cause) {
    throw unreachable('The connection broke.', cause);
  } finally {
    clearTimeout(timer);
  }
}
