import type { Services } from '../context.ts';
import type { Mailer, MailOutcome } from '../ports.ts';
import { fromJson } from '../wire.ts';
import { claimMail, markFailed, markForRetry, markSent, type ClaimedMail } from './queries.ts';
import { renderTemplate } from './template.ts';

const MAX_ATTEMPTS = 5;
const SEND_TIMEOUT_MS = 30_000;
/** Longer than a send can take: while it lasts no other server sends the same mail. */
const LEASE_MS = 2 * SEND_TIMEOUT_MS;
/** After the first attempt, the second ... */
const PAUSES_MS = [30_000, 120_000, 600_000, 1_800_000];
const REASON_LENGTH = 500;

/** Takes mails that are due; until a minute has passed no other server takes them. */
export function claimDueMail(
  { db }: Pick<Services, 'db'>,
  { domain }: Mailer,
  limit: number,
): Promise<ClaimedMail[]> {
  return claimMail(db, { limit, leaseMs: LEASE_MS, domain });
}

/**
 * Tries once to send a mail, and records how it went.
 * @param signal ends the attempt, which counts all the same
 */
export async function deliverMail(
  { db, logger }: Pick<Services, 'db' | 'logger'>,
  mailer: Mailer,
  mail: ClaimedMail,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await attempt(mailer, mail, signal);
  if (outcome.status === 'sent') return markSent(db, mail, outcome.providerId);
  const reason = outcome.reason.slice(0, REASON_LENGTH);
  const about = { mail_id: mail.id, template: mail.template, attempts: mail.attempts, reason };
  const pause = PAUSES_MS[mail.attempts - 1];
  if (outcome.status === 'refused' || pause === undefined) {
    logger.warn(about, 'mail failed');
    return markFailed(db, mail, reason);
  }
  logger.info(about, 'mail not sent yet; it will be tried again');
  return markForRetry(db, mail, { error: reason, afterMs: Math.round(pause * (0.8 + Math.random() * 0.4)) });
}

async function attempt(mailer: Mailer, mail: ClaimedMail, signal: AbortSignal): Promise<MailOutcome> {
  // Counted up by the claim itself: the last attempt was cut off with its server.
  if (mail.attempts > MAX_ATTEMPTS) return { status: 'refused', reason: 'The last attempt was interrupted.' };
  let letter: ReturnType<typeof renderTemplate>;
  try {
    letter = renderTemplate(mail.template, fromJson(mail.variables));
  } catch (error) {
    return { status: 'refused', reason: (error as Error).message };
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(SEND_TIMEOUT_MS)]);
  return mailer.send({ messageId: mail.message_id, to: mail.recipient, ...letter }, limit);
}
