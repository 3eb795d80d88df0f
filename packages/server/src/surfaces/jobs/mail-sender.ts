import type { Services } from '../../core/context.ts';
import {
  claimDueMail,
  deliverMail,
  expireMail,
  onMailQueued,
  type DueMail,
  type QueuedMail,
} from '../../core/mail/index.ts';
import type { Mailer, Timer, Unsubscribe } from '../../core/ports.ts';

const TICK_MS = 5000;
const EXPIRE_MS = 600_000;
const AT_ONCE = 8;

export interface MailSender {
  start(): void;
  /** Lets mails that are under way finish; those that take longer are tried again elsewhere or later. */
  stop(timeoutMs: number): Promise<void>;
}

interface MailSenderOptions {
  services: Pick<Services, 'db' | 'clock' | 'logger'>;
  mailer: Mailer;
  /** Prints a line for each mail that is queued where no mailer will send it; for development. */
  say?: (line: string) => void;
}

/**
 * Sends what is in the outbox: at once when this server queued it, at the next tick otherwise.
 * With the engine `outbox` it only gives up what has become useless.
 */
export function createMailSender({ services, mailer, say }: MailSenderOptions): MailSender {
  const { db, clock, logger } = services;
  const timers: Timer[] = [];
  const queue = new Queue(services, mailer);
  let forget: Unsubscribe = () => {};
  let expiring: Promise<void> | null = null;

  const expire = (): void => {
    expiring = expireMail(db).then(
      () => {},
      (err: unknown) => logger.error({ err }, 'old mail could not be given up'),
    );
  };
  return {
    start() {
      timers.push(clock.every(EXPIRE_MS, expire));
      expire();
      if (mailer.engine !== 'outbox') {
        timers.push(clock.every(TICK_MS, () => queue.wake()));
        forget = onMailQueued(() => queue.wake());
        queue.wake();
      } else if (say !== undefined) {
        forget = onMailQueued((mail) => say(lineOf(mail)));
      }
    },
    async stop(timeoutMs) {
      forget();
      for (const timer of timers.splice(0)) timer.cancel();
      await Promise.all([queue.stop(timeoutMs), expiring]);
      await mailer.close();
    },
  };
}

/** A few mails at once; one that hangs does not hold up the others. */
class Queue {
  readonly #services: MailSenderOptions['services'];
  readonly #mailer: Mailer;
  readonly #sending = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #wanted = false;
  #taking: Promise<void> | null = null;
  #stopped = false;

  constructor(services: MailSenderOptions['services'], mailer: Mailer) {
    this.#services = services;
    this.#mailer = mailer;
  }

  /** Looks for mails that are due, now or as soon as there is room for one. */
  wake(): void {
    this.#wanted = true;
    if (this.#stopped || this.#taking !== null) return;
    this.#taking = this.#take()
      .catch((err: unknown) => this.#services.logger.error({ err }, 'due mail could not be looked up'))
      .finally(() => {
        this.#taking = null;
        // Asked for between the last look and now.
        if (this.#wanted && this.#sending.size < AT_ONCE) this.wake();
      });
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    const timer = this.#services.clock.after(timeoutMs, () => this.#abort.abort());
    await this.#taking;
    await Promise.all(this.#sending);
    timer.cancel();
  }

  async #take(): Promise<void> {
    while (this.#wanted && !this.#stopped) {
      const room = AT_ONCE - this.#sending.size;
      if (room === 0) return;
      this.#wanted = false;
      const mails = await claimDueMail(this.#services, this.#mailer, room);
      for (const mail of mails) this.#send(mail);
      if (mails.length === room) this.#wanted = true;
    }
  }

  #send(mail: DueMail): void {
    const sending = deliverMail(this.#services, this.#mailer, mail, this.#abort.signal)
      .catch((err: unknown) => this.#services.logger.error({ err }, 'mail could not be recorded as sent'))
      .finally(() => {
        this.#sending.delete(sending);
        if (this.#wanted) this.wake();
      });
    this.#sending.add(sending);
  }
}

function lineOf({ to, template, url }: QueuedMail): string {
  return `mail queued: ${template} to ${to}${url === null ? '' : `: ${url}`}`;
}
