import { createTranscript, isEphemeral, type Client } from '@holdfast/sdk';
import type { Recorded } from './check.ts';

/** Follows a session over WebSocket, and keeps what it was given. */
export class Follower {
  /** Each recorded event, in the order in which it came. */
  readonly received: Recorded[] = [];
  connections = 0;
  readonly #transcript = createTranscript();
  readonly #stop = new AbortController();
  readonly #watchers = new Set<() => void>();
  readonly #done: Promise<void>;

  constructor(client: Client, sessionId: string) {
    this.#done = this.#read(client, sessionId);
  }

  /** Text of the answer being written. It is broadcast, not recorded: nobody resumes by it. */
  get partial(): string {
    return this.#transcript.state.messages.find(({ partial }) => partial)?.content ?? '';
  }

  has(...types: string[]): boolean {
    return this.received.some(({ type }) => types.includes(type));
  }

  /** Resolves as soon as `seen` is true of what was received. */
  async until(what: string, seen: () => boolean, timeoutMs = 30_000): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`Waited in vain for ${what}.`)), timeoutMs);
    const look = (): void => void (seen() && resolve());
    this.#watchers.add(look);
    look();
    try {
      await Promise.race([promise, this.#done]);
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #read(client: Client, sessionId: string): Promise<void> {
    const events = client.followWs(sessionId, {
      signal: this.#stop.signal,
      reconnectMs: 200,
      onState: (state) => (this.connections += state === 'live' ? 1 : 0),
    });
    for await (const event of events) {
      this.#transcript.apply(event);
      if (!isEphemeral(event)) this.received.push(event as Recorded);
      for (const look of this.#watchers) look();
    }
  }
}
