import type { SMTPTransportOptions } from 'nodemailer/lib/smtp-transport';
import type { Mailer, MailOutcome } from '../../core/ports.ts';

export interface SmtpOptions {
  /** `smtp://` or `smtps://`, with the login in it. Its query may hold further options of nodemailer. */
  url: string;
  /** `Name <address>` or an address alone. */
  from: string;
  /** Of silence, milliseconds. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 15_000;
const LOOPBACK = /^(localhost|127\.[\d.]+|\[?::1\]?)$/i;

/**
 * Sends over SMTP, a connection for each mail. Loaded at the first mail. What the server refuses for good
 * (5xx on the mail itself) is `refused`; whatever else goes wrong is `unsure`, also a refused login, which
 * says nothing about the mail, and silence after the last byte, when it may have arrived.
 */
export function createSmtpMailer(options: SmtpOptions): Mailer {
  let opened: Promise<Transport> | null = null;
  return {
    engine: 'smtp',
    domain: domainOf(options.from),
    async send({ messageId, to, subject, text, html }, signal) {
      try {
        opened ??= openTransport(options);
        const { response } = await (
          await opened
        ).sendMail({
          from: options.from,
          // An object is not parsed: the address cannot turn into several.
          to: { name: '', address: to },
          subject,
          text,
          html,
          messageId,
          headers: { 'Auto-Submitted': 'auto-generated' },
          signal,
        });
        return { status: 'sent', providerId: queueIdOf(response) };
      } catch (error) {
        return judge(error);
      }
    },
    async close() {
      if (opened !== null) (await opened).close();
    },
  };
}

type Transport = Awaited<ReturnType<typeof openTransport>>;

async function openTransport({ url, timeoutMs = TIMEOUT_MS }: SmtpOptions) {
  const { createTransport } = await import('nodemailer');
  const { username, hostname } = new URL(url);
  const transport: SMTPTransportOptions = {
    url,
    // A login must not go over the network in the clear because somebody in between hid STARTTLS.
    requireTLS: username !== '' && !LOOPBACK.test(hostname),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  return createTransport(transport);
}

interface SmtpError extends Error {
  code?: string;
  responseCode?: number;
}

/** Replies that speak of the login, at whatever command they come. */
const LOGIN_REPLIES = new Set([530, 534, 535, 538]);

function judge(thrown: unknown): MailOutcome {
  const { code = '', responseCode, message } = thrown as SmtpError;
  const isAboutMail = code === 'EENVELOPE' || code === 'EMESSAGE';
  const isForGood = responseCode === undefined || (responseCode >= 500 && !LOGIN_REPLIES.has(responseCode));
  return { status: isAboutMail && isForGood ? 'refused' : 'unsure', reason: message };
}

/** Servers say it in their own words: `250 2.0.0 Ok: queued as 4F2B`. */
function queueIdOf(response: string): string | null {
  return /queued as <?([^\s>]{1,200})/i.exec(response)?.[1] ?? null;
}

function domainOf(from: string): string {
  return from.replace(/>$/, '').split('@').at(-1)!.toLowerCase();
}
