import {
  controlFrameSchema,
  ephemeralEventSchema,
  logEventSchema,
  type ControlFrame,
  type EphemeralEvent,
  type LogEvent,
} from '@holdfast/protocol';
import { createParser } from 'eventsource-parser';
import { sessionPath } from './api.ts';
import { open, type Call } from './http.ts';
import { target } from './target.ts';

const PATIENCE_MS = 15_000;

/** What one follower received, in order. */
export class Received {
  readonly events: LogEvent[] = [];
  readonly ephemeral: EphemeralEvent[] = [];
  /** Durable and broadcast-only together, as they came. */
  readonly all: (LogEvent | EphemeralEvent)[] = [];
  readonly comments: string[] = [];
  control: ControlFrame | null = null;
  retryMs: number | null = null;
  ended = false;
  #watchers: (() => void)[] = [];

  get ids(): number[] {
    return this.events.map(({ seq }) => seq);
  }

  get lastId(): number {
    return this.events.at(-1)?.seq ?? 0;
  }

  /** Takes one frame; `id` is that of its server-sent event. @throws when it is of no known form */
  take(json: unknown, id?: string): void {
    if (typeof json === 'object' && json !== null && 'control' in json) {
      if (id !== undefined) throw new Error(`a control frame carries the id ${id}`);
      this.control = controlFrameSchema.parse(json);
    } else if (typeof json === 'object' && json !== null && 'ephemeral' in json) {
      if (id !== undefined || 'seq' in json) throw new Error('a broadcast-only event carries an id');
      const event = ephemeralEventSchema.parse(json);
      this.ephemeral.push(event);
      this.all.push(event);
    } else {
      const event = logEventSchema.parse(json);
      if (id !== undefined && id !== String(event.seq)) throw new Error(`id ${id} is not seq ${event.seq}`);
      this.events.push(event);
      this.all.push(event);
    }
    this.changed();
  }

  changed(): void {
    for (const watch of this.#watchers) watch();
  }

  /** Resolves as soon as `check` gives something. */
  until<T>(check: () => T | undefined | false | null, what: string, timeoutMs = PATIENCE_MS): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const seen = (): string => this.events.map(({ seq, type }) => `${seq} ${type}`).join(', ');
    const timer = setTimeout(() => reject(new Error(`never came: ${what}; there was ${seen()}`)), timeoutMs);
    const watch = (): void => {
      const found = check();
      if (found === undefined || found === false || found === null) return;
      clearTimeout(timer);
      this.#watchers = this.#watchers.filter((other) => other !== watch);
      resolve(found);
    };
    this.#watchers.push(watch);
    watch();
    return promise;
  }

  untilEvent(type: string, matches: (event: LogEvent) => boolean = () => true): Promise<LogEvent> {
    return this.until(() => this.events.find((event) => event.type === type && matches(event)), type);
  }

  untilSeq(seq: number): Promise<boolean> {
    return this.until(() => this.lastId >= seq, `event ${seq}`);
  }
}

export interface Follower extends AsyncDisposable {
  readonly received: Received;
  /** Goes away without a word, as a lost connection does. */
  drop(): void;
}

export interface FollowOptions extends Partial<Call> {
  after?: number;
  lastEventId?: number;
}

/** Follows over server-sent events. @throws when the answer is no stream */
export async function followSse(sessionId: string, options: FollowOptions = {}): Promise<Follower> {
  const { after, lastEventId, headers, ...more } = options;
  const response = await open(
    {
      path: sessionPath(sessionId, `/events${after === undefined ? '' : `?after=${after}`}`),
      headers: {
        accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
        ...headers,
      },
      timeoutMs: 60_000,
      ...more,
    },
    true,
  );
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`the stream was refused: ${response.statusCode}`);
  }
  const received = new Received();
  const parser = createParser({
    onEvent: ({ id, data }) => received.take(JSON.parse(data), id),
    onComment: (comment) => {
      received.comments.push(comment);
      received.changed();
    },
    onRetry: (ms) => {
      received.retryMs = ms;
    },
    onError: (error) => {
      throw error;
    },
  });
  response.setEncoding('utf8');
  response.on('data', (text: string) => parser.feed(text));
  response.on('error', () => undefined);
  response.on('close', () => {
    received.ended = true;
    received.changed();
  });
  const drop = (): void => void response.destroy();
  return { received, drop, [Symbol.asyncDispose]: async () => drop() };
}

/** Follows over WebSocket, the credential in the subprotocol as browsers must. */
export async function followWs(
  sessionId: string,
  after = 0,
  token = target.apiKey,
): Promise<Follower & { socket: WebSocket }> {
  const url = `${target.url.replace(/^http/, 'ws')}${sessionPath(sessionId, `/events?after=${after}`)}`;
  const socket = new WebSocket(url, ['holdfast', `bearer.${token}`]);
  const received = new Received();
  socket.addEventListener('message', ({ data }) => {
    const json: unknown = JSON.parse(String(data));
    if ((json as { type?: unknown }).type !== 'pong') received.take(json);
  });
  socket.addEventListener('close', () => {
    received.ended = true;
    received.changed();
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error('the WebSocket was refused')));
  });
  return { socket, received, drop: () => socket.close(), [Symbol.asyncDispose]: async () => socket.close() };
}
