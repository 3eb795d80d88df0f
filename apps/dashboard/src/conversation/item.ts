import type { Run } from '@holdfast/protocol';

/** One thing in the conversation, in the order of the log. */
export type Item = MessageItem | ToolItem | NoteItem;

export interface MessageItem {
  kind: 'message';
  key: string;
  seq: number;
  role: 'user' | 'assistant' | 'system';
  content: string;
  runId: string | null;
  clientMsgId: string | null;
  /** ISO 8601. */
  at: string;
  /** Still being written: not part of the log yet. */
  partial: boolean;
}

export interface ToolItem {
  kind: 'tool';
  key: string;
  seq: number;
  tool: string;
  executor: 'server' | 'client';
  input: unknown;
  output: unknown;
  status: 'running' | 'waiting' | 'done' | 'failed' | 'stopped';
}

export interface NoteItem {
  kind: 'note';
  key: string;
  seq: number;
  tone: 'neutral' | 'warning' | 'error';
  text: string;
}

export interface RunState {
  id: string;
  status: Run['status'];
  /** Of the event that said so. */
  seq: number;
}

export const isOpen = ({ status }: RunState): boolean =>
  status === 'queued' || status === 'running' || status === 'waiting';
