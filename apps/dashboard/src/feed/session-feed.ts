import type { EphemeralEvent, LogEvent, MessageDelta } from '@holdfast/protocol';
import type { Client } from '@holdfast/sdk';
import { isUnauthorized } from '../auth/session.tsx';
import { Conversation } from '../conversation/conversation.ts';
import { LogStore, PAGE_SIZE } from '../log/log-store.ts';

export type Connection = 'opening' | 'live' | 'reconnecting' | 'ended';

/** Faster than that no screen shows it; an answer may come in hundreds of pieces a second. */
const NOTIFY_MS = 16;
const MESSAGES = 50;

/**
 * One open session: its newest events and messages first, then whatever happens, live. The log is
 * the only source, so two windows that show it cannot differ.
 */
export class SessionFeed {
  readonly log: LogStore;
  readonly conversation = new Conversation();
  connection: Connection = 'opening';
  error: unknown = null;
  /** Rises with every change; what `useSyncExternalStore` compares. */
  version = 0;
  readonly #client: Client;
  readonly #sessionId: string;
  readonly #onRefused: () => Promise<boolean>;
  #isLoaded = false;
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** @param onRefused is told that a token was refused; resolves to whether another one was had */
  constructor(client: Client, sessionId: string, onRefused: () => Promise<boolean>) {
    this.#client = client;
    this.#sessionId = sessionId;
    this.#onRefused = onRefused;
    this.log = new LogStore(
      async (after, limit) => (await client.events.page(sessionId, { after, limit })).items,
      () => this.#change(),
    );
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getVersion = (): number => this.version;

  /** Loads and follows until `signal` ends it; what goes wrong for good is in `error`. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        if (!this.#isLoaded) await this.#load(signal);
        this.#isLoaded = true;
        return await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        // A stream ends with the token that opened it; with another one it goes on.
        if (isUnauthorized(error) && (await this.#onRefused())) continue;
        this.error = error;
        return this.#setConnection('ended');
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const follow = this.#client.follow(this.#sessionId, {
      after: this.log.lastSeq,
      signal,
      onState: (state, { failures }) => {
        if (state === 'live') this.#setConnection('live');
        else if (failures > 0) this.#setConnection('reconnecting');
      },
    });
    for await (const event of follow) this.#take(event);
  }

  /** Adds older messages to the conversation. */
  async loadEarlier(): Promise<void> {
    const before = this.conversation.firstIndex;
    if (before <= 0) return;
    const limit = Math.min(MESSAGES, before);
    await this.#loadMessages(before - limit, limit);
    this.#change();
  }

  async #load(signal: AbortSignal): Promise<void> {
    const session = await this.#client.sessions.get(this.#sessionId, { signal });
    const after = Math.max(0, Math.floor((session.last_seq - PAGE_SIZE / 2) / PAGE_SIZE) * PAGE_SIZE);
    const from = Math.max(0, session.message_count - MESSAGES);
    const [page, runs] = await Promise.all([
      this.#client.events.page(this.#sessionId, { after, limit: 1000 }, { signal }),
      this.#client.runs.list(this.#sessionId, { limit: 10 }, { signal }),
      this.#loadMessages(from, MESSAGES),
    ]);
    this.log.minSeq = page.log.min_seq;
    this.log.lastSeq = page.items.at(-1)?.seq ?? page.log.last_seq;
    this.conversation.addRuns(runs.items);
    for (const event of page.items) this.#takeDurable(event);
    this.#change();
  }

  async #loadMessages(from: number, limit: number): Promise<void> {
    const cursor = from > 0 ? { cursor: String(from - 1) } : {};
    const { items } = await this.#client.messages.list(this.#sessionId, { limit, ...cursor });
    this.conversation.addMessages(items);
  }

  #take(event: LogEvent | EphemeralEvent): void {
    if (!('ephemeral' in event)) this.#takeDurable(event);
    else if (event.type === 'message.delta') this.conversation.addDelta(event.data as MessageDelta);
    this.#change();
  }

  #takeDurable(event: LogEvent): void {
    if (this.log.add(event)) this.conversation.addEvent(event);
  }

  #setConnection(connection: Connection): void {
    this.connection = connection;
    this.#change();
  }

  #change(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.version += 1;
      for (const listener of this.#listeners) listener();
    }, NOTIFY_MS);
  }
}
