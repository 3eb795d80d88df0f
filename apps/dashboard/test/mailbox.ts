import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { vi } from 'vitest';

/** A mail server that keeps what it is given. */
export class Mailbox {
  readonly #server: SMTPServer;
  readonly #mails: { to: string; text: string }[] = [];

  private constructor() {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      disableReverseLookup: true,
      onData: (stream, { envelope }, done) => {
        void text(stream).then((source) => {
          for (const { address } of envelope.rcptTo)
            this.#mails.push({ to: address, text: decodeQuotedPrintable(source) });
          done(null);
        });
      },
    });
    // Connections that the server of a finished test gives up end with errors of their own.
    this.#server.on('error', () => undefined);
  }

  static async open(): Promise<Mailbox> {
    const mailbox = new Mailbox();
    await new Promise<void>((resolve) => mailbox.#server.listen(0, '127.0.0.1', resolve));
    return mailbox;
  }

  /** Settings of a server that mails through it. */
  get settings(): Record<string, string> {
    const { port } = this.#server.server.address() as AddressInfo;
    return { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'Holdfast <holdfast@example.com>' };
  }

  /** The newest link to that page which was mailed to the address; waits for the first. */
  async waitForLink(to: string, page: string): Promise<string> {
    const link = new RegExp(`http[^\\s"<>]*/${page}#token=[\\w-]{43,}`);
    return vi.waitFor(
      () => {
        const found = this.#mails.filter((mail) => mail.to === to).map((mail) => link.exec(mail.text)?.[0]);
        const newest = found.findLast((url) => url !== undefined);
        if (newest === undefined) throw new Error(`No link to ${page} was mailed to ${to}.`);
        return newest;
      },
      { timeout: 15_000, interval: 50 },
    );
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

function decodeQuotedPrintable(source: string): string {
  return source
    .replaceAll(/=\r?\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
