import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from './client.ts';
import type { AnyEvent, Delta, Followed } from './history.ts';
import type { Random } from './random.ts';

const RECONNECT_MS = 100;

export interface FollowerOptions {
  client: Client;
  sessionId: string;
  name: string;
  /** Cuts its own connection at random moments. */
  cuts?: Random;
  onEvent?: (event: AnyEvent) => void;
  onDelta?: (delta: Delta) => void;
}

/** Follows a log over SSE as a browser would: reconnects by itself with the last id it was given. */
export class Follower implements Followed {
  readonly name: string;
  readonly received: Followed['received'] = [];
  readonly deltas: Delta[] = [];
  /** Answers other than a stream, and streams that ended with a reason, by reason. */
  readonly endings = new Map<string, number>();
  connections = 0;
  lastId = 0;
  readonly #options: FollowerOptions;
  readonly #stop = new AbortController();
  readonly #waiting: ((at: number) => void)[] = [];
  readonly #done: Promise<void>;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.name = options.name;
    this.#done = this.#run();
  }

  stop(): Promise<void> {
    this.#stop.abort();
    return this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#connect().catch(() => this.#note('cut'));
      if (!this.#stop.signal.aborted) await pause(RECONNECT_MS);
    }
  }

  async #connect(): Promise<void> {
    const { client, sessionId, cuts } = this.#options;
    const signals = [this.#stop.signal];
    if (cuts?.chance(0.7)) signals.push(AbortSignal.timeout(cuts.int(1, 1500)));
    const response = await fetch(`${client.url}/api/v1/sessions/${sessionId}/events`, {
      headers: {
        ...client.headers,
        accept: 'text/event-stream',
        ...(this.lastId === 0 ? {} : { 'last-event-id': String(this.lastId) }),
      },
      signal: AbortSignal.any(signals),
    });
    if (response.status !== 200 || response.body === null) {
      this.#note(`status ${response.status}`);
      await response.body?.cancel();
      return;
    }
    this.connections += 1;
    let rest = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const frames = (rest + chunk).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) this.#take(frame);
    }
    this.#note('end');
  }

  /** One complete frame; what a cut leaves of the next is forgotten. */
  #take(frame: string): void {
    let id: number | null = null;
    let data = '';
    for (const line of frame.split('\n')) {
      if (line.startsWith('id: ')) id = Number(line.slice(4));
      else if (line.startsWith('data: ')) data += line.slice(6);
    }
    if (data === '') return;
    const parsed = JSON.parse(data) as AnyEvent & { control?: string; reason?: string };
    if (id !== null) this.#takeEvent(id, parsed);
    else if (parsed.control !== undefined) this.#note(`closed: ${parsed.reason}`);
    else if (parsed.type === 'message.delta') this.#takeDelta(parsed.data);
  }

  #takeEvent(id: number, event: AnyEvent): void {
    this.lastId = id;
    for (const resolve of this.#waiting.splice(0)) resolve(performance.now());
    this.received.push({ id, json: JSON.stringify(event) });
    this.#options.onEvent?.(event);
  }

  #takeDelta({ message_id, offset, text }: Record<string, unknown>): void {
    const delta = { messageId: String(message_id), offset: Number(offset), text: String(text) };
    this.deltas.push(delta);
    this.#options.onDelta?.(delta);
  }

  /** When the next event will have arrived, by `performance.now()`. */
  next(): Promise<number> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #note(ending: string): void {
    this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1);
  }
}
