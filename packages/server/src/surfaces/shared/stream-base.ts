import type { Socket } from 'node:net';
import type { CloseReason, ControlFrame } from '@holdfast/protocol';
import type { Principal } from '../../core/context.ts';
import type { EphemeralFrame, Follower, Frame, Sink } from '../../core/log/index.ts';
import { STALL_MS, type OpenStream, type StreamHub } from './stream-hub.ts';

/** Why a stream ended: a reason of the server, or the client went away. */
export type StreamEnd = CloseReason | 'client_gone';

export interface StreamOptions {
  /** Starts the follow. The sink may be written to before this returns. */
  follow(sink: Sink): Follower;
  /** Milliseconds since 1970 at which the credential ends, and the stream with it. */
  expiresAt?: number | null;
  /** Who was let in; looked at again while the stream is open. Null on public routes. */
  principal?: Principal | null;
  /** Called once. */
  onEnd?(reason: StreamEnd): void;
}

/** Time for a peer to close its side before the socket is cut. */
const LINGER_MS = 5000;

/**
 * What every transport's follow shares: it accepts each durable frame it is given, answers false
 * when the socket is full, and asks for more at `drain`. It keeps no queue of its own.
 */
export abstract class FollowStream implements Sink, OpenStream {
  protected readonly socket: Socket;
  protected blocked = false;
  protected ended = false;
  readonly #hub: StreamHub;
  readonly #options: StreamOptions;
  #follower: Follower | null = null;
  #reason: StreamEnd = 'client_gone';
  #progress = 0;
  #progressAt = 0;
  #endedAt = 0;
  #corked = false;
  #lastSeq = 0;

  constructor(hub: StreamHub, socket: Socket, options: StreamOptions) {
    this.#hub = hub;
    this.socket = socket;
    this.#options = options;
  }

  protected abstract sendFrame(frame: Frame | EphemeralFrame): void;
  protected abstract sendKeepAlive(head: number): void;
  /** Hands what `sendFrame` held back to the socket; the end of a tick does. */
  protected flush(): void {}
  /** Says the last words and closes the transport. */
  protected abstract sendClose(frame: ControlFrame): void;

  start(): void {
    this.#hub.add(this);
    this.socket.on('drain', this.#onDrain);
    this.socket.once('close', this.#onClose);
    if (this.socket.destroyed) return this.#onClose();
    const follower = this.#options.follow(this);
    this.#follower = follower;
    if (this.ended) follower.stop();
  }

  get principal(): Principal | null {
    return (this.ended ? null : this.#options.principal) ?? null;
  }

  get head(): number {
    return this.#follower?.head() ?? this.#lastSeq;
  }

  write(frame: Frame): boolean {
    if (this.ended) return false;
    this.#lastSeq = frame.seq;
    return this.#send(frame);
  }

  /** Dropped while the stream is blocked: nothing may depend on it. */
  writeEphemeral(frame: EphemeralFrame): boolean {
    return !this.ended && !this.blocked && this.#send(frame);
  }

  close(frame: ControlFrame): void {
    if (this.ended) return;
    this.ended = true;
    this.#endedAt = this.#hub.clock.monotonic();
    this.#reason = frame.reason;
    this.#follower?.stop();
    if (frame.reason === 'slow_consumer') this.socket.destroy();
    else {
      this.flush();
      this.sendClose(frame);
    }
  }

  end(reason: CloseReason): void {
    const last_seq = this.#follower?.cursor() ?? this.#lastSeq;
    this.close({ control: 'closed', reason, last_seq });
  }

  check(monotonic: number, wall: number): void {
    if (this.ended) {
      if (monotonic - this.#endedAt >= LINGER_MS) this.socket.destroy();
      return;
    }
    const { expiresAt } = this.#options;
    if (expiresAt !== undefined && expiresAt !== null && wall >= expiresAt)
      return this.end('credential_expired');
    if (!this.blocked) return;
    const progress = this.socket.bytesWritten - this.socket.writableLength;
    if (progress !== this.#progress) {
      this.#progress = progress;
      this.#progressAt = monotonic;
    } else if (monotonic - this.#progressAt >= STALL_MS) {
      this.end('slow_consumer');
    }
  }

  keepAlive(): void {
    if (this.ended || this.blocked) return;
    this.flush();
    this.sendKeepAlive(this.head);
    this.#noteFullness();
  }

  #send(frame: Frame | EphemeralFrame): boolean {
    this.#cork();
    this.sendFrame(frame);
    return this.#noteFullness();
  }

  #noteFullness(): boolean {
    const full = this.socket.writableNeedDrain;
    if (full && !this.blocked) {
      this.blocked = true;
      this.#progress = this.socket.bytesWritten - this.socket.writableLength;
      this.#progressAt = this.#hub.clock.monotonic();
    }
    return !full;
  }

  /** What one tick writes leaves in one system call. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      if (!this.ended) this.flush();
      this.socket.uncork();
      this.#noteFullness();
    });
  }

  readonly #onDrain = (): void => {
    if (!this.blocked || this.ended) return;
    this.blocked = false;
    this.#follower?.resume();
  };

  readonly #onClose = (): void => {
    this.ended = true;
    this.#hub.remove(this);
    this.socket.off('drain', this.#onDrain);
    this.#follower?.stop();
    this.#options.onEnd?.(this.#reason);
  };
}
