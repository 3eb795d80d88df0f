import type { Unsubscribe } from '../ports.ts';

/** A mail that has just been committed to the outbox. */
export interface QueuedMail {
  to: string;
  template: string;
  /** The link in it, if it has one. */
  url: string | null;
}

/**
 * Of the process, as `queueMail` is given no more than a transaction. A sender that hears of another
 * database's mail looks into its own queue for nothing.
 */
const listeners = new Set<(mail: QueuedMail) => void>();

/** Only a hint: a sender that misses it finds the mail at its next tick. */
export function onMailQueued(listener: (mail: QueuedMail) => void): Unsubscribe {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function tellMailQueued(mail: QueuedMail): void {
  for (const listener of listeners) listener(mail);
}
