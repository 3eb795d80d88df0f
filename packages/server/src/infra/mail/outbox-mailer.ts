import type { Mailer } from '../../core/ports.ts';

/** Sends nothing: for an installation without a mail server. */
export function createOutboxMailer(): Mailer {
  return {
    engine: 'outbox',
    domain: 'localhost',
    async send() {
      return { status: 'unsure', reason: 'There is no mail server (SMTP_URL).' };
    },
    async close() {},
  };
}
