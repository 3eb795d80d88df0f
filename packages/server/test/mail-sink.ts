import type { AddressInfo } from 'node:net';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** What a mail server may answer: a reply code to RCPT or after the message, or nothing at all. */
export interface Mood {
  /** Reply to the recipient. */
  recipient?: number;
  /** Reply to the whole message. */
  message?: number;
  /** Takes the message and then keeps silent. */
  hangs?: boolean;
}

export interface MailSink {
  /** `smtp://127.0.0.1:...` */
  readonly url: string;
  /** In the order in which their last byte came, also those that were then refused. */
  readonly mails: readonly ParsedMail[];
  /** How it behaves from now on. */
  mood: Mood;
  close(): Promise<void>;
}

/** A real SMTP server on 127.0.0.1 that keeps what it is given. */
export async function openMailSink(options: SMTPServerOptions & { port?: number } = {}): Promise<MailSink> {
  const mails: ParsedMail[] = [];
  const sink = { url: '', mails, mood: {} as Mood, close };
  const { port = 0, ...own } = options;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100,
    onRcptTo(_address, _session, done) {
      done(errorOf(sink.mood.recipient));
    },
    onData(stream, _session, done) {
      void simpleParser(stream).then((mail) => {
        mails.push(mail);
        const { message, hangs = false } = sink.mood;
        if (!hangs) done(errorOf(message), `Ok: queued as ${mails.length}`);
      });
    },
    ...own,
  });
  // Connections that a client gives up end with errors of their own.
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  sink.url = `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  return sink;

  function close(): Promise<void> {
    return new Promise((resolve) => server.close(() => resolve()));
  }
}

function errorOf(responseCode: number | undefined): Error | null {
  return responseCode === undefined ? null : Object.assign(new Error('not today'), { responseCode });
}
