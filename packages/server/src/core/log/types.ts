import type { ControlFrame, EventData, ServerEventType } from '@holdfast/protocol';
import type { EphemeralFrame, Frame } from './frame.ts';

/** Which log. */
export interface LogTarget {
  tenantId: string;
  sessionId: string;
}

/** An event of the server's own types, checked against its schema before it is written. */
export type ServerEvent = {
  [T in ServerEventType]: { type: T; actor: string; data: EventData<T>; clientMsgId?: string };
}[ServerEventType];

/** An event of a holder's own type; `data` is any JSON object. */
export interface HolderEvent {
  type: string;
  actor: string;
  data: Record<string, unknown>;
  clientMsgId?: string;
}

export interface Appended {
  seq: number;
  /** The event was already in the log under its client_msg_id; nothing was written. */
  duplicate: boolean;
}

export interface LogHead {
  /** Identity of this log; it changes only if the log was replaced, as by restoring a backup. */
  epoch: string;
  lastSeq: number;
  minSeq: number;
}

/** Where a follower's frames go. */
export interface Sink {
  /** False: the sink is full; nothing more is written before `Follower.resume()`. */
  write(frame: Frame): boolean;
  writeEphemeral(frame: EphemeralFrame): boolean;
  /** Last call. */
  close(frame: ControlFrame): void;
}

export interface Follower {
  /** The sink has room again. */
  resume(): void;
  stop(): void;
  /** Last sequence number known to be in the log. */
  head(): number;
  /** Last sequence number written to the sink. */
  cursor(): number;
}
