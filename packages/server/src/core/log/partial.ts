import type { MessageDelta } from '@holdfast/protocol';
import { EphemeralFrame, type Frame } from './frame.ts';

const MAX_CHARS = 1024 * 1024;
const ENDED_REMEMBERED = 32;

/** How much of which answer a follower has been told. */
export interface Said {
  messageId: string;
  length: number;
}

/**
 * The unfinished answer of one log, for those who join in the middle of it or fall behind.
 * Deltas may come twice, late, or not at all.
 */
export class PartialAnswer {
  #open: { messageId: string; runId: string; text: string } | null = null;
  readonly #ended: string[] = [];
  #cached: { messageId: string; from: number; to: number; frame: EphemeralFrame } | null = null;

  /**
   * Takes in a delta.
   * @returns `new`: there is more to tell; `known`: said before, or of an answer that has ended;
   * `gap`: what comes before it is missing here
   */
  add(delta: MessageDelta): 'new' | 'known' | 'gap' {
    if (this.#ended.includes(delta.message_id)) return 'known';
    const open = this.#open;
    if (open === null || open.messageId !== delta.message_id) {
      if (delta.offset !== 0) return 'gap';
      this.#open = { messageId: delta.message_id, runId: delta.run_id, text: delta.text };
      return 'new';
    }
    const known = open.text.length - delta.offset;
    if (known < 0) return 'gap';
    if (known >= delta.text.length) return 'known';
    if (delta.offset + delta.text.length > MAX_CHARS) return 'gap';
    open.text += delta.text.slice(known);
    return 'new';
  }

  /** A durable event went by: it may say that the answer is finished or given up. */
  see(frame: Frame): void {
    const [noun, verb] = frame.type.split('.');
    if (noun === 'message') this.#end(idIn(frame, 'message_id'));
    const over = noun === 'run' && (verb === 'completed' || verb === 'failed' || verb === 'cancelled');
    if (over && this.#open?.runId === idIn(frame, 'run_id')) this.#end(this.#open.messageId);
  }

  get isOpen(): boolean {
    return this.#open !== null;
  }

  /** Everything so far, as one delta. */
  snapshot(): MessageDelta | null {
    return this.#from(0);
  }

  /** What a follower has not been told yet; those who stand at the same place share one frame. */
  unsaid(sessionId: string, said: Said): EphemeralFrame | null {
    const open = this.#open;
    if (open === null) return null;
    const from = said.messageId === open.messageId ? said.length : 0;
    const to = open.text.length;
    if (from >= to) return null;
    const cached = this.#cached;
    if (cached?.messageId === open.messageId && cached.from === from && cached.to === to) return cached.frame;
    const frame = new EphemeralFrame(sessionId, 'message.delta', this.#from(from));
    this.#cached = { messageId: open.messageId, from, to, frame };
    return frame;
  }

  /** Everything so far has been told. */
  said(): Said {
    return { messageId: this.#open?.messageId ?? '', length: this.#open?.text.length ?? 0 };
  }

  #from(offset: number): MessageDelta | null {
    if (this.#open === null) return null;
    const { messageId, runId, text } = this.#open;
    return { message_id: messageId, run_id: runId, offset, text: text.slice(offset) };
  }

  #end(messageId: string | null): void {
    if (messageId === null) return;
    this.#ended.push(messageId);
    if (this.#ended.length > ENDED_REMEMBERED) this.#ended.shift();
    if (this.#open?.messageId !== messageId) return;
    this.#open = null;
    this.#cached = null;
  }
}

/** Unescaped quotes cannot occur inside a JSON string, so the first match is the field itself. */
function idIn(frame: Frame, field: 'message_id' | 'run_id'): string | null {
  return new RegExp(`"${field}":"([0-9a-f-]{36})"`).exec(frame.json)?.[1] ?? null;
}
