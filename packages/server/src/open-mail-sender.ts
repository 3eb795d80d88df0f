import type { Config } from './config.ts';
import type { Services } from './core/context.ts';
import { createMailer } from './infra/mail/index.ts';
import { createMailSender } from './surfaces/jobs/mail-sender.ts';

/** What sends the mail of the outbox. @param say prints a link for a person, in development */
export function openMailSender({ mail, mode }: Config, services: Services, say?: (line: string) => void) {
  if (mail === null && mode === 'production') {
    services.logger.warn({}, 'no mail leaves this server: SMTP_URL is not set');
  }
  return createMailSender({
    services,
    mailer: createMailer(mail),
    say: mode === 'development' ? say : undefined,
  });
}
