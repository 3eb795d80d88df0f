import { unreachable } from '../errors.ts';
import { pathOf, type HttpClient } from '../http/http-client.ts';
import { nothing } from '../http/reply.ts';
import type { Connect } from './resume.ts';
import { SocketInbox } from './socket-inbox.ts';

/** Follows over WebSocket; the credential travels as a subprotocol, as browsers cannot set headers there. */
export function connectWs(
  http: HttpClient,
  SocketClass: typeof WebSocket | undefined,
  sessionId: string,
  silenceMs: number,
): Connect {
  return async function* connect(after, signal) {
    if (SocketClass === undefined)
      throw new TypeError('There is no WebSocket here: give createClient one, or use follow().');
    const path = pathOf`/sessions/${sessionId}/events`;
    const { url, protocols } = await http.socketTarget(`${path}?after=${after}`);
    signal.throwIfAborted();
    const inbox = new SocketInbox(new SocketClass(url, protocols), silenceMs);
    const stop = (): void => inbox.end('The follow was ended.');
    signal.addEventListener('abort', stop, { once: true });
    try {
      yield* inbox.batches();
    } catch (error) {
      // A refused upgrade tells a browser nothing: the same request without it says why.
      if (!inbox.opened) await askWhy(http, path, after, signal);
      throw error;
    } finally {
      stop();
    }
  };
}

async function askWhy(http: HttpClient, path: string, after: number, signal: AbortSignal): Promise<void> {
  const query = { after, limit: 1 };
  await http.call({ method: 'GET', path, query, schema: nothing, attempts: 1, signal });
  throw unreachable('The server answers, but the WebSocket could not be opened.');
}
