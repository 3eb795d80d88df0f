/** A message as a reader sees it. Objects of a transcript are never changed: a new one replaces the old. */
export interface TranscriptMessage {
  readonly id: string;
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string;
  /** It is being written and not recorded: its text may still change, or the whole be dropped. */
  readonly partial: boolean;
  readonly runId: string | null;
  readonly clientMsgId: string | null;
  /** Place in the conversation, 0, 1, 2 …; null while partial. */
  readonly index: number | null;
  /** Number of its event; null while partial. */
  readonly seq: number | null;
  readonly createdAt: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface TranscriptTool {
  readonly callId: string;
  readonly runId: string;
  readonly stepIndex: number;
  readonly tool: string;
  readonly executor: 'server' | 'client';
  readonly input: unknown;
  readonly status: 'running' | 'completed' | 'failed';
  /** undefined while running. */
  readonly output: unknown;
  /** Until when a client's result is waited for. */
  readonly deadlineAt: string | null;
  /** Number of the event that called it. */
  readonly seq: number;
}

export interface TranscriptRun {
  readonly id: string;
  readonly agentId: string | null;
  /** The message it answers. */
  readonly messageId: string | null;
  readonly status: 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled';
  readonly holder: string | null;
  /** Model of the latest call. */
  readonly model: string | null;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly cancelReason: string | null;
  /** How often it was resumed. */
  readonly resumes: number;
  /** In the order of their calls. */
  readonly tools: readonly TranscriptTool[];
  /** Number of the first event about it. */
  readonly seq: number;
}

export interface TranscriptSession {
  readonly title: string | null;
  readonly status: 'active' | 'completed' | 'failed' | 'interrupted';
  /** Its holder has gone silent and nobody has taken over yet. */
  readonly stalled: boolean;
  readonly holder: string | null;
}

/** A session as far as its events have told. */
export interface TranscriptState {
  /** Number of the last durable event. */
  readonly lastSeq: number;
  readonly session: TranscriptSession;
  /** Oldest first; those being written come last. */
  readonly messages: readonly TranscriptMessage[];
  /** Oldest first. */
  readonly runs: readonly TranscriptRun[];
}
