import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMailSink, type MailSink } from '../../../test/mail-sink.ts';
import type { Mailer, OutgoingMail } from '../../core/ports.ts';
import { createMailer } from './index.ts';

const NEVER = new AbortController().signal;
const MAIL: OutgoingMail = {
  messageId: '<one@holdfast.test>',
  to: 'bob@example.com',
  subject: 'Grüße an Bob – with more than seventy-six characters, so that the header has to be folded',
  text: 'Hello Bob,\n\n.a line that begins with a dot\nhttp://holdfast.test/invitation#token=a=b\n',
  html: '<p>Hello <b>Bob</b> &amp; all</p>',
};

describe('the outbox', () => {
  it('sends nothing and says so', async () => {
    const mailer = createMailer(null);
    expect(mailer.engine).toBe('outbox');
    expect(await mailer.send(MAIL, NEVER)).toMatchObject({ status: 'unsure' });
    await mailer.close();
  });
});

describe('smtp', () => {
  let sink: MailSink;
  let mailer: Mailer;
  beforeEach(async () => {
    sink = await openMailSink();
    mailer = createMailer({ url: sink.url, from: 'Holdfast <no-reply@holdfast.test>', timeoutMs: 300 });
  });
  afterEach(async () => {
    await mailer.close();
    await sink.close();
  });

  it('BF-3.3.a delivers what it was given, to the letter', async () => {
    expect(mailer).toMatchObject({ engine: 'smtp', domain: 'holdfast.test' });
    expect(await mailer.send(MAIL, NEVER)).toEqual({ status: 'sent', providerId: '1' });
    const [mail] = sink.mails;
    expect(mail).toMatchObject({
      messageId: MAIL.messageId,
      subject: MAIL.subject,
      text: MAIL.text,
      from: { value: [{ name: 'Holdfast', address: 'no-reply@holdfast.test' }] },
      to: { value: [{ address: 'bob@example.com' }] },
    });
    expect(mail!.html).toContain(MAIL.html);
    expect(mail!.headers.get('auto-submitted')).toBe('auto-generated');
  });

  it.each(['eve@example.com,mallory@example.com', 'eve@example.com\r\nRCPT TO:<mallory@example.com>'])(
    'makes no two recipients of %j',
    async (to) => {
      expect(await mailer.send({ ...MAIL, to }, NEVER)).toMatchObject({ status: 'refused' });
      expect(sink.mails).toEqual([]);
    },
  );

  it('keeps a subject in its header', async () => {
    await mailer.send({ ...MAIL, subject: 'Hello\r\nX-Evil: yes' }, NEVER);
    expect(sink.mails[0]!.headers.has('x-evil')).toBe(false);
  });

  it.each([
    ['an unknown recipient', { recipient: 550 }, 'refused'],
    ['a full mailbox for now', { recipient: 452 }, 'unsure'],
    ['a refused message', { message: 554 }, 'refused'],
    ['a message to send again', { message: 451 }, 'unsure'],
    ['a server that wants a login', { recipient: 530 }, 'unsure'],
    ['silence after the last byte', { hangs: true }, 'unsure'],
  ] as const)('%s: %j is %s', async (_name, mood, status) => {
    sink.mood = mood;
    const outcome = await mailer.send(MAIL, NEVER);
    expect(outcome).toEqual({ status, reason: expect.stringMatching(/./) });
  });

  it('is unsure of a server that is away, and sends once it is back', async () => {
    await sink.close();
    expect(await mailer.send(MAIL, NEVER)).toMatchObject({ status: 'unsure' });
    const { port } = new URL(sink.url);
    sink = await openMailSink({ port: Number(port) });
    expect(await mailer.send(MAIL, NEVER)).toMatchObject({ status: 'sent' });
  });

  it('is unsure when its login is refused: that says nothing of the mail', async () => {
    const { host } = new URL(sink.url);
    await sink.close();
    sink = await openMailSink({
      port: Number(host.split(':')[1]),
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => done(new Error('wrong password')),
    });
    const own = createMailer({ url: `smtp://user:secret@${host}`, from: 'a@holdfast.test' });
    const outcome = await own.send(MAIL, NEVER);
    expect(outcome).toMatchObject({ status: 'unsure' });
    expect(JSON.stringify(outcome)).not.toContain('secret');
    await own.close();
  });

  it('gives no login to a server elsewhere that does not encrypt', async () => {
    const seen: string[] = [];
    await sink.close();
    sink = await openMailSink({
      allowInsecureAuth: true,
      onAuth: ({ username }, _session, done) => {
        seen.push(username!);
        done(null, { user: username });
      },
    });
    // An address of this machine that is not the loopback's.
    const { port } = new URL(sink.url);
    const url = `smtp://user:secret@0.0.0.0:${port}`;
    const own = createMailer({ url, from: 'a@holdfast.test', timeoutMs: 300 });
    expect(await own.send(MAIL, NEVER)).toMatchObject({ status: 'unsure' });
    expect(seen).toEqual([]);
    await own.close();
    // Who knows better can say so.
    const careless = createMailer({ url: `${url}?requireTLS=false`, from: 'a@holdfast.test' });
    expect(await careless.send(MAIL, NEVER)).toMatchObject({ status: 'sent' });
    expect(seen).toEqual(['user']);
    await careless.close();
  });

  it('ends with its signal', async () => {
    sink.mood = { hangs: true };
    const patient = createMailer({ url: sink.url, from: 'a@holdfast.test', timeoutMs: 60_000 });
    const stop = new AbortController();
    const sending = patient.send(MAIL, stop.signal);
    await expect.poll(() => sink.mails.length).toBe(1);
    stop.abort();
    expect(await sending).toMatchObject({ status: 'unsure' });
    await patient.close();
  });
});
