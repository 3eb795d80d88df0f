import type { LogEvent, Message, Run } from '@holdfast/protocol';

/** A durable event whose data is read by name, whatever wrote it. */
export type AnyEvent = Omit<LogEvent, 'data'> & { data: Record<string, unknown> };

/**
 * What the log must say because of an answer some client got: so many events of this type with this
 * client_msg_id and these fields. 1 after an acknowledgement, 0 after a refusal.
 */
export interface Expected {
  what: string;
  times: 0 | 1;
  type: string;
  clientMsgId?: string;
  data?: Readonly<Record<string, unknown>>;
  /** The number the acknowledgement named. */
  seq?: number;
}

export interface Delta {
  messageId: string;
  offset: number;
  text: string;
}

/** Everything one follower got from the beginning, across all its connections. */
export interface Followed {
  name: string;
  received: { id: number; json: string }[];
  deltas: Delta[];
}

/** One session after the end of the test: what the server says, and what its clients were told before. */
export interface SessionHistory {
  sessionId: string;
  name: string;
  log: AnyEvent[];
  lastSeq: number;
  messages: Message[];
  runs: Run[];
  expected: Expected[];
  follows: Followed[];
}

export interface Violation {
  rule: string;
  session: string;
  detail: string;
}
