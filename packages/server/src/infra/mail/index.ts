import type { Mailer } from '../../core/ports.ts';
import { createOutboxMailer } from './outbox-mailer.ts';
import { createSmtpMailer, type SmtpOptions } from './smtp-mailer.ts';

/** @param smtp null keeps mails where they are, to be read in the outbox */
export function createMailer(smtp: SmtpOptions | null): Mailer {
  return smtp === null ? createOutboxMailer() : createSmtpMailer(smtp);
}

export type { SmtpOptions };
