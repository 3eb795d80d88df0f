import { randomUUID } from 'node:crypto';
import type { ControlFrame } from '@holdfast/protocol';
import type { EphemeralFrame, Follower, Frame, LogTarget, Sink } from '../src/core/log/index.ts';
import type { Db } from '../src/core/ports.ts';

/** An empty log held under lease epoch 1. */
export async function createLog(
  db: Db,
  tenantId: string,
  sessionId: string = randomUUID(),
): Promise<LogTarget> {
  const keys = { tenant_id: tenantId, session_id: sessionId };
  await db.kysely
    .insertInto('session_heads')
    .values({ ...keys, epoch: 'e' })
    .execute();
  await db.kysely
    .insertInto('leases')
    .values({ ...keys, epoch: 1, holder: 'test' })
    .execute();
  return { tenantId, sessionId };
}

/** Resolves after that many turns of the event loop. */
export async function passTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A sink that remembers everything, and refuses what a real one would not survive. */
export class RecordingSink implements Sink {
  readonly frames: Frame[] = [];
  readonly ephemeral: { type: string; data: Record<string, unknown> }[] = [];
  closed: ControlFrame | null = null;
  /** Frames taken before the sink is full; each `resume` of the follower should follow a `drain`. */
  room: number;
  misuse: string | null = null;
  #stopped = false;

  constructor(room = Infinity) {
    this.room = room;
  }

  get seqs(): number[] {
    return this.frames.map((frame) => frame.seq);
  }

  write(frame: Frame): boolean {
    this.#note('write');
    this.frames.push(frame);
    this.room -= 1;
    return this.room > 0;
  }

  writeEphemeral(frame: EphemeralFrame): boolean {
    this.#note('writeEphemeral');
    this.ephemeral.push(JSON.parse(frame.json) as { type: string; data: Record<string, unknown> });
    return true;
  }

  close(frame: ControlFrame): void {
    if (this.closed !== null || this.#stopped) this.misuse ??= 'close after the end';
    this.closed = frame;
  }

  /** Makes room and tells the follower. */
  drain(follower: Follower, room = Infinity): void {
    this.room = room;
    follower.resume();
  }

  /** From now on the follower must be silent. */
  stop(follower: Follower): void {
    follower.stop();
    this.#stopped = true;
  }

  #note(what: string): void {
    if (this.room <= 0) this.misuse ??= `${what} to a full sink`;
    if (this.#stopped || this.closed !== null) this.misuse ??= `${what} after the end`;
  }
}
