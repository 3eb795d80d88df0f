import { randomUUID } from 'node:crypto';
import type { CloseReason, MessageDelta } from '@holdfast/protocol';
import { notFound } from '../errors.ts';
import type { Logger, Timer, Unsubscribe } from '../ports.ts';
import { checkCursor } from './cursor.ts';
import { LogFollower } from './follower.ts';
import { EphemeralFrame, type Frame } from './frame.ts';
import { PartialSet } from './partial-set.ts';
import { selectHead, selectHeads } from './queries.ts';
import { keyOf, TailSet, topicOf, type OpenTail, type TailSetOptions } from './tail-set.ts';
import type { Follower, LogTarget, Sink } from './types.ts';

const POLL_MS = 5000;
/** While the bus is down, the poll is all that tells of other servers' writes. */
const POLL_DOWN_MS = 500;
const ASK_PAUSE_MS = 1000;

interface BusMessage {
  /** Which server says it. */
  from: string;
  /** Durable events up to this number are committed. */
  seq?: number;
  ephemeral?: { type: string; data: unknown };
}

/** Where a server asks whoever runs a session for the text of its unfinished answer. */
const ASK_TOPIC = 'partial';

export interface HubOptions extends TailSetOptions {
  logger: Logger;
  /** Milliseconds between two looks at the database for hints that were lost. */
  pollIntervalMs?: number;
}

/** Everything followers of this server need: tails, hints in and out, the periodic check. */
export class LogHub {
  readonly #options: HubOptions;
  readonly #tails: TailSet;
  readonly #partials: PartialSet;
  readonly #origin = randomUUID();
  readonly #timers: Timer[];
  readonly #offGap: Unsubscribe;
  readonly #offAsk: Promise<Unsubscribe | null>;
  #checking: Promise<void> | null = null;
  #checkAgain = false;

  constructor(options: HubOptions) {
    this.#options = options;
    const { clock, bus, pollIntervalMs } = options;
    this.#tails = new TailSet(options, (open, payload) => this.#receive(open, payload));
    this.#partials = new PartialSet(clock);
    const check = () => void this.checkTails();
    this.#timers = [
      clock.every(pollIntervalMs ?? POLL_MS, check),
      clock.every(POLL_DOWN_MS, () => void (bus.state() === 'down' && this.checkTails())),
    ];
    this.#offGap = bus.onGap(check);
    // Lost asks only mean that a late follower sees an answer from its middle until it is complete.
    this.#offAsk = bus.subscribe(ASK_TOPIC, (payload) => this.#answerAsk(payload)).catch(() => null);
  }

  /** Followers connected to this server. */
  get followerCount(): number {
    return this.#tails.all().reduce((count, { tail }) => count + tail.followers.size, 0);
  }

  /**
   * Prepares a follow from `after`; nothing is written to the sink before `start`.
   * Call exactly one of `start` and `cancel`.
   * @throws notFound, CURSOR_AHEAD, CURSOR_GONE
   */
  async open(target: LogTarget, after: number): Promise<{ start(sink: Sink): Follower; cancel(): void }> {
    const open = await this.#tails.join(target, () => this.#partials.of(target));
    const { tail } = open;
    try {
      // The client may come from a server that is ahead of this one.
      const lastSeq = after > tail.head ? await this.#askHead(open) : tail.head;
      checkCursor({ epoch: tail.logEpoch, lastSeq, minSeq: tail.minSeq }, after);
      if (!tail.partial.isOpen) this.#ask(open);
    } catch (error) {
      this.#tails.leave(open);
      throw error;
    }
    return { start: (sink) => this.#start(open, after, sink), cancel: () => this.#tails.leave(open) };
  }

  /** Committed frames of this server's own writing. */
  announce(target: LogTarget, frames: readonly Frame[]): void {
    const tail = this.#tails.get(target)?.tail;
    for (const frame of frames) {
      this.#partials.see(target, frame);
      tail?.offer(frame);
    }
    const last = frames.at(-1);
    if (last !== undefined) this.#publish(target, { from: this.#origin, seq: last.seq });
  }

  /** The log is known to reach `seq`, though its writer may not have lived to say so. */
  hint(target: LogTarget, seq: number): void {
    this.#tails.get(target)?.tail.hint(seq);
    this.#publish(target, { from: this.#origin, seq });
  }

  /** @param delta `data` where the type is `message.delta` */
  broadcast(target: LogTarget, type: string, data: unknown, delta: MessageDelta | null): void {
    const open = this.#tails.get(target);
    const told = delta === null ? 'gap' : this.#partials.keep(target, open?.tail.partial).add(delta);
    if (open !== undefined && told !== 'known') this.#spread(open, type, data, told === 'new');
    this.#publish(target, { from: this.#origin, ephemeral: { type, data } });
  }

  /** Asks the database how far every followed log reaches: what no hint told is found here. */
  checkTails(): Promise<void> {
    // A check under way may have looked before whatever this caller has in mind.
    this.#checkAgain = true;
    this.#checking ??= this.#check().finally(() => (this.#checking = null));
    return this.#checking;
  }

  /** Ends every follow with a reason, so that clients reconnect elsewhere. */
  closeAll(reason: CloseReason): void {
    for (const { tail } of this.#tails.all()) {
      for (const follower of [...tail.followers]) follower.close(reason);
    }
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#offGap();
    void this.#offAsk.then((off) => off?.());
    this.closeAll('server_shutdown');
    this.#tails.close();
  }

  #start(open: OpenTail, after: number, sink: Sink): Follower {
    const { tail } = open;
    open.pending -= 1;
    const follower = new LogFollower(this.#options.db, tail, after, sink, () => {
      tail.followers.delete(follower);
      this.#tails.release(open);
    });
    tail.followers.add(follower);
    if (this.#tails.closed) follower.close('server_shutdown');
    else follower.pump();
    return follower;
  }

  async #check(): Promise<void> {
    try {
      while (this.#checkAgain) {
        this.#checkAgain = false;
        this.#partials.sweep();
        const targets = this.#tails.all().map(({ tail }) => tail.target);
        if (targets.length === 0) return;
        for (const head of await selectHeads(this.#options.db, targets)) {
          this.#tails.get({ tenantId: head.tenant_id, sessionId: head.session_id })?.tail.hint(head.last_seq);
        }
      }
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'tail check failed; it will be tried again');
    }
  }

  async #askHead({ tail }: OpenTail): Promise<number> {
    const head = await selectHead(this.#options.db, tail.target);
    if (head === null) throw notFound('Session');
    tail.hint(head.last_seq);
    return head.last_seq;
  }

  #publish(target: LogTarget, message: BusMessage): void {
    this.#options.bus.publish(topicOf(target), JSON.stringify(message));
  }

  #receive(open: OpenTail, payload: string): void {
    const message = parseMessage(payload);
    if (message === null || message.from === this.#origin) return;
    if (message.seq !== undefined) open.tail.hint(message.seq);
    if (message.ephemeral === undefined) return;
    const { type, data } = message.ephemeral;
    const told = type === 'message.delta' ? open.tail.partial.add(data as MessageDelta) : 'gap';
    if (told === 'gap' && type === 'message.delta') this.#ask(open);
    if (told !== 'known') this.#spread(open, type, data, told === 'new');
  }

  /** Deltas that join up are pulled by each follower from where it stands; the rest is passed on as it is. */
  #spread({ tail }: OpenTail, type: string, data: unknown, joined: boolean): void {
    if (joined) tail.wake();
    else tail.broadcast(new EphemeralFrame(tail.target.sessionId, type, data));
  }

  #ask(open: OpenTail): void {
    const now = this.#options.clock.monotonic();
    if (now - open.askedAt < ASK_PAUSE_MS) return;
    open.askedAt = now;
    this.#options.bus.publish(ASK_TOPIC, keyOf(open.tail.target));
  }

  #answerAsk(key: string): void {
    const [tenantId, sessionId] = key.split('/');
    if (tenantId === undefined || sessionId === undefined) return;
    const target = { tenantId, sessionId };
    const data = this.#partials.own(target)?.snapshot();
    if (data) this.#publish(target, { from: this.#origin, ephemeral: { type: 'message.delta', data } });
  }
}

/** Null for what no server of ours has said. */
function parseMessage(payload: string): BusMessage | null {
  try {
    const message = JSON.parse(payload) as BusMessage | null;
    return typeof message === 'object' ? message : null;
  } catch {
    return null;
  }
}
