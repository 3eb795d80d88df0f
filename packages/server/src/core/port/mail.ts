/** One mail, rendered and ready to leave. */
export interface OutgoingMail {
  /** With its angle brackets; the same at every attempt, so that a receiver can drop a second copy. */
  messageId: string;
  to: string;
  subject: string;
  text: string;
  html: string;
}

export type MailOutcome =
  /** `providerId`: what the mail server calls it, if it says. */
  | { status: 'sent'; providerId: string | null }
  /** For good: another attempt would fail in the same way. */
  | { status: 'refused'; reason: string }
  /** Perhaps for now. It may have arrived nonetheless, when the connection broke after its last byte. */
  | { status: 'unsure'; reason: string };

/** Hands mails to whoever delivers them. */
export interface Mailer {
  /** With `outbox` nothing leaves: mails are only read where they wait. */
  readonly engine: 'outbox' | 'smtp';
  /** What Message-IDs end with. */
  readonly domain: string;
  /** Never throws. Ends soon after `signal` does, with `unsure`. */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<MailOutcome>;
  close(): Promise<void>;
}
