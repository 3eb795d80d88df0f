import type { Redis, RedisOptions } from 'ioredis';
import type { Bus, Logger, Unsubscribe } from '../../core/ports.ts';

export interface RedisBusOptions {
  /** `redis://` or `rediss://`. */
  url: string;
  /** First part of every channel name, so that several deployments can share one Redis. */
  prefix?: string;
  logger: Logger;
}

const MAX_BACKOFF_MS = 1000;
const ANSWER_MS = 2000;
const PING_MS = 5000;
/** More hints than this without an answer means Redis does not keep up; further ones are dropped. */
const MAX_IN_FLIGHT = 10_000;
const SUBSCRIBE_SLICE = 1000;

/**
 * Hints between servers over Redis pub/sub. Resolves at once if Redis answers, and within
 * seconds if it does not: the bus then says `down` and keeps trying.
 */
export async function createRedisBus(options: RedisBusOptions): Promise<Bus> {
  // Loaded only where it is configured: it costs memory and start-up time.
  const { Redis } = await import('ioredis');
  const connect = (): Redis =>
    new Redis(options.url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: ANSWER_MS,
      commandTimeout: ANSWER_MS,
      retryStrategy: (times) => Math.min(MAX_BACKOFF_MS, 50 * 2 ** Math.min(times, 10)),
    } satisfies RedisOptions);
  const bus = new RedisBus(connect(), connect(), options);
  await bus.open();
  return bus;
}

interface Topic {
  readonly handlers: Set<(payload: string) => void>;
  /** Settles when the subscription is in force, or is left to the next reconnect. */
  acknowledged: Promise<void>;
}

class RedisBus implements Bus {
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #prefix: string;
  readonly #logger: Logger;
  readonly #topics = new Map<string, Topic>();
  readonly #gapListeners = new Set<() => void>();
  #listening = false;
  #saidDown = false;
  #closed = false;
  #inFlight = 0;
  #ping: NodeJS.Timeout | undefined;

  constructor(publisher: Redis, subscriber: Redis, { prefix, logger }: RedisBusOptions) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    this.#prefix = `${prefix ?? 'holdfast'}:`;
    this.#logger = logger;
  }

  /** Starts both connections; one that fails is tried again in the background. */
  async open(): Promise<void> {
    for (const connection of [this.#publisher, this.#subscriber]) {
      connection.on('error', (error: Error) => this.#sayDown(error));
      connection.on('close', () => this.#sayDown(new Error('The connection was closed.')));
    }
    this.#publisher.on('ready', () => this.#sayUp());
    this.#subscriber.on('close', () => (this.#listening = false));
    this.#subscriber.on('ready', () => void this.#listenAgain());
    this.#subscriber.on('message', (channel, payload) => this.#deliver(channel, payload));
    const heard = new Promise<void>((resolve) => {
      this.#gapListeners.add(resolve);
      this.#subscriber.once('close', () => resolve());
    });
    await Promise.allSettled([this.#publisher.connect(), this.#subscriber.connect(), heard]);
    this.#gapListeners.clear();
    // A network that swallows packets closes nothing; only a missing answer shows it.
    this.#ping = setInterval(() => void this.#checkAlive(), PING_MS).unref();
  }

  publish(topic: string, payload: string): void {
    if (this.#publisher.status !== 'ready' || this.#inFlight >= MAX_IN_FLIGHT) return;
    this.#inFlight += 1;
    this.#publisher
      .publish(this.#prefix + topic, payload)
      .catch(() => {})
      .finally(() => (this.#inFlight -= 1));
  }

  async subscribe(topic: string, handler: (payload: string) => void): Promise<Unsubscribe> {
    // The same function may listen twice; each subscription ends on its own.
    const own = (payload: string): void => handler(payload);
    let entry = this.#topics.get(topic);
    if (entry === undefined) {
      entry = { handlers: new Set(), acknowledged: this.#listenTo([topic]) };
      this.#topics.set(topic, entry);
    }
    entry.handlers.add(own);
    await entry.acknowledged;
    return () => this.#unsubscribe(topic, own);
  }

  onGap(listener: () => void): Unsubscribe {
    this.#gapListeners.add(listener);
    return () => void this.#gapListeners.delete(listener);
  }

  state(): 'up' | 'down' {
    return this.#listening && this.#publisher.status === 'ready' ? 'up' : 'down';
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#ping);
    this.#topics.clear();
    this.#gapListeners.clear();
    this.#subscriber.disconnect();
    // Unlike a disconnect, this lets the last hints out.
    await this.#publisher.quit().catch(() => {});
    this.#publisher.disconnect();
  }

  /** Never rejects: what fails now is done again at the next reconnect. */
  async #listenTo(topics: readonly string[]): Promise<void> {
    if (this.#subscriber.status !== 'ready' || topics.length === 0) return;
    try {
      await this.#subscriber.subscribe(...topics.map((topic) => this.#prefix + topic));
    } catch {
      if (this.#subscriber.status === 'ready') this.#subscriber.disconnect(true);
    }
  }

  async #listenAgain(): Promise<void> {
    const topics = [...this.#topics.keys()];
    for (let from = 0; from < topics.length; from += SUBSCRIBE_SLICE) {
      await this.#listenTo(topics.slice(from, from + SUBSCRIBE_SLICE));
    }
    if (this.#subscriber.status !== 'ready') return;
    this.#listening = true;
    this.#sayUp();
    for (const listener of this.#gapListeners) this.#guard(listener);
  }

  #unsubscribe(topic: string, own: (payload: string) => void): void {
    const entry = this.#topics.get(topic);
    if (entry?.handlers.delete(own) !== true || entry.handlers.size > 0) return;
    this.#topics.delete(topic);
    if (this.#subscriber.status !== 'ready') return;
    this.#subscriber.unsubscribe(this.#prefix + topic).catch(() => {});
  }

  #deliver(channel: string, payload: string): void {
    const entry = this.#topics.get(channel.slice(this.#prefix.length));
    for (const handler of entry?.handlers ?? []) this.#guard(() => handler(payload));
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#logger.error({ err: error }, 'a bus listener failed');
    }
  }

  async #checkAlive(): Promise<void> {
    for (const connection of [this.#publisher, this.#subscriber]) {
      if (connection.status !== 'ready') continue;
      await connection.ping().catch(() => connection.status === 'ready' && connection.disconnect(true));
    }
  }

  #sayDown(error: Error): void {
    if (this.#saidDown || this.#closed) return;
    this.#saidDown = true;
    this.#logger.warn({ err: error }, 'Redis is not reachable; followers poll until it is back');
  }

  #sayUp(): void {
    if (!this.#saidDown || this.state() === 'down') return;
    this.#saidDown = false;
    this.#logger.info({}, 'Redis is reachable again');
  }
}
