import { messageDeltaSchema, type EphemeralEvent, type LogEvent } from '@holdfast/protocol';
import { HoldfastError, isEphemeral, type Client, type FollowState } from '@holdfast/sdk';
import { randomUUID } from 'node:crypto';
import { RunTracker } from './run-tracker.ts';
import type { Screen } from './screen.ts';
import { Transcript, type FollowItem } from './transcript.ts';

const TWICE_MS = 2000;
const RECONNECT_MS = 200;

export interface ChatOptions {
  client: Client;
  session: { id: string; last_seq: number };
  screen: Screen;
  /** Tell the session's past, and show answers while they are written. */
  live: boolean;
  /** Called whenever nothing is under way. */
  onIdle?(): void;
}

/** A conversation in one session, from the first line typed to the last answer. */
export class Chat {
  readonly #options: ChatOptions;
  readonly #transcript: Transcript;
  readonly #runs = new RunTracker();
  readonly #stop = new AbortController();
  #posting: Promise<void> = Promise.resolve();
  #unposted = 0;
  #inputEnded = false;
  #failed = false;
  #interruptedAt = -Infinity;
  #lost = false;

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#transcript = new Transcript({ live: options.live, historyUntil: options.session.last_seq });
  }

  /**
   * Follows the session until it is left, or the input has ended and all is answered.
   * @returns whether every message was posted and answered
   * @throws HoldfastError when the server refuses to go on
   */
  async run(): Promise<boolean> {
    const { client, session, live } = this.#options;
    const after = live ? 0 : session.last_seq;
    const onState = (state: FollowState): void => this.#noteState(state);
    const options = { after, signal: this.#stop.signal, reconnectMs: RECONNECT_MS, onState };
    try {
      for await (const event of client.follow(session.id, options)) {
        const item = toItem(event);
        if (item !== null) this.#take(item);
      }
    } finally {
      this.#stop.abort();
      await this.#posting;
    }
    return !this.#failed && !this.#runs.ownFailed;
  }

  /** A line of the input: a message or a command. Messages go out in the order they were typed. */
  submit(text: string): void {
    const line = text.trim();
    if (line === '/quit') return this.leave();
    if (line === '/cancel') return void this.cancel();
    if (line === '') return this.#settle();
    // Chosen once per line: however often the line is sent, the session gets it once.
    const clientMsgId = `chat-${randomUUID()}`;
    this.#transcript.expectOwn(clientMsgId);
    this.#unposted += 1;
    this.#posting = this.#posting.then(() => this.#post(line, clientMsgId));
  }

  /** No line will come any more; the chat ends with the last answer. */
  endInput(): void {
    this.#inputEnded = true;
    this.#settle();
  }

  leave(): void {
    this.#stop.abort();
  }

  /** Ctrl-C: ends the answer being written; a second one within two seconds leaves. */
  interrupt(now: number): void {
    if (now - this.#interruptedAt < TWICE_MS) return this.leave();
    this.#interruptedAt = now;
    this.#options.screen.line('dim', '(Ctrl-C again to leave)');
    if (this.#runs.active === null) this.#settle();
    else void this.cancel();
  }

  /** Cancels the run being executed; its end comes as an event like any other. */
  async cancel(): Promise<void> {
    const { client, session, screen } = this.#options;
    const runId = this.#runs.active;
    if (runId === null) {
      screen.line('dim', 'there is nothing to cancel');
      return this.#settle();
    }
    try {
      const reason = 'cancelled in the terminal';
      await client.runs.cancel(session.id, runId, { reason }, { signal: this.#stop.signal });
    } catch (error) {
      // It ended by itself in the meantime.
      if (error instanceof HoldfastError && error.status === 409) return;
      screen.line('error', `not cancelled: ${(error as Error).message}`);
    }
  }

  #noteState(state: FollowState): void {
    const lost = state === 'waiting' || (state === 'connecting' && this.#lost);
    if (lost !== this.#lost) this.#take({ kind: lost ? 'lost' : 'back' });
    this.#lost = lost;
  }

  #take(item: FollowItem): void {
    if (item.kind === 'event') this.#runs.see(item.event);
    const pieces = this.#transcript.take(item);
    this.#options.screen.print(pieces);
    if (pieces.length > 0 || item.kind === 'event') this.#settle();
  }

  async #post(content: string, clientMsgId: string): Promise<void> {
    const { client, session, screen } = this.#options;
    // Sent again for as long as the server is away.
    const options = { signal: this.#stop.signal, attempts: Infinity };
    try {
      const message = { content, client_msg_id: clientMsgId };
      const { run } = await client.messages.post(session.id, message, options);
      if (run !== null) this.#runs.expect(run.id);
    } catch (error) {
      this.#failed = true;
      const why = this.#stop.signal.aborted ? 'the server was away' : (error as Error).message;
      screen.line('error', `not sent (${why}): ${content}`);
    } finally {
      this.#unposted -= 1;
      this.#settle();
    }
  }

  #settle(): void {
    if (this.#unposted > 0 || this.#stop.signal.aborted) return;
    if (this.#inputEnded && this.#runs.ownEnded) this.leave();
    else if (!this.#inputEnded && this.#runs.active === null) this.#options.onIdle?.();
  }
}

/** Null for what this client does not show. */
function toItem(event: LogEvent | EphemeralEvent): FollowItem | null {
  if (!isEphemeral(event)) return { kind: 'event', event };
  const delta = event.type === 'message.delta' ? messageDeltaSchema.safeParse(event.data) : null;
  return delta?.success ? { kind: 'delta', delta: delta.data } : null;
}
