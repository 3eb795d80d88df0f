import type { LogEvent, MessageDelta } from '@holdfast/protocol';
import { dataOfEvent } from '@holdfast/sdk';
import { describeEvent } from './event-line.ts';

/** What became of a followed session. */
export type FollowItem =
  /** Recorded: each number comes once, in order. */
  | { kind: 'event'; event: LogEvent }
  /** Broadcast while an answer is written: may be missing or come again. */
  | { kind: 'delta'; delta: MessageDelta }
  /** The connection. */
  | { kind: 'lost' }
  | { kind: 'back' };

export type Tone = 'dim' | 'error' | 'said';

/** What is to be shown next. */
export type Piece =
  /** More of the answer that is being written. */
  | { kind: 'text'; text: string }
  /** The answer is complete. */
  | { kind: 'end' }
  /** One line of its own. */
  | { kind: 'line'; tone: Tone; text: string };

export interface TranscriptOptions {
  /** Show answers while they are written; otherwise only once they are recorded. */
  live: boolean;
  /** Up to this event the past is told: messages only. */
  historyUntil?: number;
}

const line = (tone: Tone, text: string): Piece => ({ kind: 'line', tone, text });

/** Turns a followed session into what a reader sees. It keeps no clock and does no output. */
export class Transcript {
  readonly #live: boolean;
  readonly #historyUntil: number;
  readonly #own = new Set<string>();
  readonly #ended = new Set<string>();
  #open: { messageId: string; text: string } | null = null;

  constructor({ live, historyUntil = 0 }: TranscriptOptions) {
    this.#live = live;
    this.#historyUntil = historyUntil;
  }

  /** A message with this client_msg_id was typed here and need not be shown again. */
  expectOwn(clientMsgId: string): void {
    this.#own.add(clientMsgId);
  }

  take(item: FollowItem): Piece[] {
    switch (item.kind) {
      case 'lost':
        return [line('dim', 'connection lost, retrying …')];
      case 'back':
        return [line('dim', 'connected again')];
      case 'delta':
        return this.#live ? this.#addDelta(item.delta) : [];
      case 'event':
        return this.#addEvent(item.event);
    }
  }

  /** What precedes the delta and was missed is not waited for: the recorded message mends it. */
  #addDelta({ message_id, offset, text }: MessageDelta): Piece[] {
    if (this.#ended.has(message_id)) return [];
    const open = this.#open;
    if (open === null || open.messageId !== message_id) {
      if (offset !== 0) return [];
      this.#open = { messageId: message_id, text };
      return [...this.#leave(open), { kind: 'text', text }];
    }
    if (offset === 0) return this.#restart(open, text);
    const known = open.text.length - offset;
    if (known < 0 || known >= text.length) return [];
    return this.#show(open, text.slice(known));
  }

  /** A reconnected follower is told the answer from its start: only what is new is shown. */
  #restart(open: { text: string }, text: string): Piece[] {
    if (open.text.startsWith(text)) return [];
    if (text.startsWith(open.text)) return this.#show(open, text.slice(open.text.length));
    open.text = text;
    return [line('dim', '[the answer begins again]'), { kind: 'text', text }];
  }

  #show(open: { text: string }, more: string): Piece[] {
    open.text += more;
    return more === '' ? [] : [{ kind: 'text', text: more }];
  }

  #leave(open: { text: string } | null): Piece[] {
    return open === null || open.text === '' ? [] : [{ kind: 'end' }];
  }

  #addEvent(event: LogEvent): Piece[] {
    const message = dataOfEvent(event, 'message.created');
    if (message !== null) {
      if (message.role === 'assistant') return this.#finish(message.message_id, message.content);
      if (message.client_msg_id !== null && this.#own.has(message.client_msg_id)) return [];
      return [line('said', `${message.role}: ${message.content}`)];
    }
    const superseded = dataOfEvent(event, 'message.superseded');
    if (superseded !== null) return this.#drop(superseded.message_id, superseded.reason);
    if (event.seq <= this.#historyUntil) return [];
    const described = describeEvent(event);
    return described === null ? [] : [line(described.tone, described.text)];
  }

  #finish(messageId: string, content: string): Piece[] {
    this.#ended.add(messageId);
    const open = this.#open;
    const mine = open?.messageId === messageId ? open : null;
    if (mine !== null) this.#open = null;
    if (mine !== null && content.startsWith(mine.text))
      return [...this.#show(mine, content.slice(mine.text.length)), { kind: 'end' }];
    if (content === '') return [];
    const before = mine === null ? [] : [line('dim', '[the answer as it was recorded:]')];
    return [...before, { kind: 'text', text: content }, { kind: 'end' }];
  }

  #drop(messageId: string, reason: string): Piece[] {
    this.#ended.add(messageId);
    if (this.#open?.messageId !== messageId) return [];
    const seen = this.#open.text !== '';
    this.#open = null;
    return seen ? [line('dim', `[the unfinished answer above is dropped: ${reason}]`)] : [];
  }
}
