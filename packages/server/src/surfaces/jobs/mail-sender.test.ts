import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { openMailSink, type MailSink } from '../../../test/mail-sink.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { Teams, type Person } from '../../../test/team-fixture.ts';
import type { Services } from '../../core/context.ts';
import { queueMail } from '../../core/mail/index.ts';
import type { Mailer } from '../../core/ports.ts';
import { createMailer } from '../../infra/mail/index.ts';
import { createMailSender, type MailSender } from './mail-sender.ts';

const TICK_MS = 5000;
const PATIENCE = { timeout: 10_000, interval: 20 };

describe.each(ENGINES)('the mail sender on %s', (engine) => {
  let t: Teams;
  let sink: MailSink;
  let ann: Person;
  let clock: ManualClock;
  const started: MailSender[] = [];
  beforeAll(async () => {
    t = await Teams.open(engine, { ownDb: true });
  }, 60_000);
  beforeEach(async () => {
    sink = await openMailSink();
    ann = await t.person('Ann');
    clock = new ManualClock();
  });
  afterEach(async () => {
    await stopNow(...started.splice(0));
    await sink.close();
    // What another test left must not be sent by this one's senders.
    await t.h.db.kysely.deleteFrom('emails').execute();
  });
  afterAll(() => t.h.close());

  function start(mailer: Mailer = smtp(), services: Services = t.h.otherServices({ clock })): MailSender {
    const sender = createMailSender({ services, mailer });
    started.push(sender);
    sender.start();
    return sender;
  }
  /** Without patience for what is under way. */
  async function stopNow(...senders: MailSender[]): Promise<void> {
    const stopped = senders.map((sender) => sender.stop(0));
    clock.advance(1);
    await Promise.all(stopped);
  }
  const smtp = () => createMailer({ url: sink.url, from: 'no-reply@holdfast.test', timeoutMs: 2000 });

  const queue = (to = ann.email) =>
    t.h.db.transaction((tx) =>
      queueMail(tx, {
        to,
        template: 'password_reset',
        variables: { name: 'Ann', url: 'https://holdfast.test/reset#token=secret', token: 'secret' },
      }),
    );
  const row = async (to = ann.email) => {
    const rows = await t.h.db.kysely.selectFrom('emails').selectAll().where('recipient', '=', to).execute();
    return rows.at(-1)!;
  };
  const settled = (to = ann.email) =>
    expect.poll(async () => (await row(to)).status, PATIENCE).not.toMatch(/sending/);
  /** The pause, or the time another server had for it, is over. */
  const makeDue = () =>
    t.h.db.kysely
      .updateTable('emails')
      .set({ next_attempt_at: new Date(Date.now() - 60_000) })
      .execute();
  const waitMs = async () => {
    const { next_attempt_at } = await row();
    const rows = await t.h.db.query<{ now: Date }>(
      { name: 'test_now', text: 'select clock_timestamp() as now' },
      [],
    );
    return next_attempt_at.getTime() - rows[0]!.now.getTime();
  };

  test('sends at once what was queued, without waiting for its tick, and forgets the link', async () => {
    start();
    await queue();
    await expect.poll(async () => (await row()).status, PATIENCE).toBe('sent');
    expect(sink.mails).toHaveLength(1);
    expect(sink.mails[0]).toMatchObject({ to: { text: ann.email }, subject: 'Choose a new password' });
    expect(sink.mails[0]!.text).toContain('https://holdfast.test/reset#token=secret');
    const sent = await row();
    expect(sent).toMatchObject({
      attempts: 1,
      provider_id: '1',
      error: null,
      sent_at: expect.any(Date),
      message_id: sink.mails[0]!.messageId,
    });
    expect(sent.message_id).toBe(`<${sent.id}@holdfast.test>`);
    expect(JSON.parse(sent.variables)).toEqual({ name: 'Ann' });
  });

  test('finds at its start and at its tick what it was not told of', async () => {
    await queue();
    start();
    await expect.poll(async () => (await row()).status, PATIENCE).toBe('sent');
    const bob = await t.person('Bob');
    // As if another server had queued it and died.
    await queueUntold(bob.email);
    clock.advance(TICK_MS);
    await expect.poll(async () => (await row(bob.email)).status, PATIENCE).toBe('sent');
  });

  test('several servers send each of many mails once', async () => {
    const people = Array.from({ length: 40 }, (_, n) => `person-${n}@example.com`);
    for (const to of people.slice(0, 20)) await queue(to);
    for (let server = 0; server < 4; server += 1) start();
    await Promise.all(people.slice(20).map((to) => queue(to)));
    await expect.poll(() => sink.mails.length, PATIENCE).toBe(people.length);
    const open = () =>
      t.h.db.kysely.selectFrom('emails').select('id').where('status', '!=', 'sent').execute();
    await expect.poll(open, PATIENCE).toEqual([]);
    clock.advance(TICK_MS * 3);
    expect(sink.mails.map((mail) => [mail.to].flat()[0]!.text).toSorted()).toEqual(people.toSorted());
    expect(new Set(sink.mails.map(({ messageId }) => messageId)).size).toBe(people.length);
  });

  test('a refusal for good is not repeated', async () => {
    sink.mood = { recipient: 550 };
    start();
    await queue();
    await expect.poll(async () => (await row()).status, PATIENCE).toBe('failed');
    const failed = await row();
    expect(failed).toMatchObject({ attempts: 1, error: expect.stringContaining('550'), sent_at: null });
    expect(failed.variables).not.toContain('secret');
    await makeDue();
    clock.advance(TICK_MS);
    await settled();
    expect(await row()).toMatchObject({ attempts: 1 });
  });

  test('tries five times, ever later, and always with the same Message-ID', async () => {
    sink.mood = { message: 451 };
    start();
    await queue();
    const pauses: number[] = [];
    for (let attempt = 1; attempt < 5; attempt += 1) {
      await expect.poll(async () => (await row()).error, PATIENCE).toContain('451');
      expect(await row()).toMatchObject({ status: 'queued', attempts: attempt });
      expect((await row()).variables).toContain('secret');
      pauses.push(await waitMs());
      clock.advance(TICK_MS);
      expect(sink.mails).toHaveLength(attempt);
      await t.h.db.kysely.updateTable('emails').set({ error: null }).execute();
      await makeDue();
      clock.advance(TICK_MS);
    }
    await expect.poll(async () => (await row()).status, PATIENCE).toBe('failed');
    expect(await row()).toMatchObject({ attempts: 5, error: expect.stringContaining('451') });
    expect((await row()).variables).not.toContain('secret');
    expect(sink.mails).toHaveLength(5);
    expect(new Set(sink.mails.map(({ messageId }) => messageId)).size).toBe(1);
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect(pauses[0]).toBeGreaterThan(20_000);
    expect(pauses[3]).toBeLessThan(2_200_000);
  });

  test('silence after the last byte: it may have arrived, and comes again with the same Message-ID', async () => {
    sink.mood = { hangs: true };
    start();
    await queue();
    await expect.poll(() => sink.mails.length, PATIENCE).toBe(1);
    await expect.poll(async () => (await row()).status, PATIENCE).toBe('queued');
    sink.mood = {};
    await makeDue();
    clock.advance(TICK_MS);
    await expect.poll(async () => (await row()).status, PATIENCE).toBe('sent');
    expect(sink.mails.map(({ messageId }) => messageId)).toEqual(Array(2).fill((await row()).message_id));
  });

  test('what a server left in the middle is taken over after a minute, not before', async () => {
    sink.mood = { hangs: true };
    const patient = createMailer({ url: sink.url, from: 'a@holdfast.test', timeoutMs: 60_000 });
    // Its time stands still, so that it takes nothing a second time.
    const stuck = new ManualClock();
    start(patient, t.h.otherServices({ clock: stuck }));
    await queue();
    await expect.poll(() => sink.mails.length, PATIENCE).toBe(1);
    expect(await row()).toMatchObject({ status: 'sending', attempts: 1 });
    expect(await waitMs()).toBeGreaterThan(30_000);
    sink.mood = {};
    start();
    clock.advance(TICK_MS);
    await queue('other@example.com');
    await expect.poll(() => sink.mails.length, PATIENCE).toBe(2);
    expect(await row()).toMatchObject({ status: 'sending', attempts: 1 });
    sink.mood = { hangs: true };
    await makeDue();
    clock.advance(TICK_MS);
    await expect.poll(() => sink.mails.length, PATIENCE).toBe(3);
    expect(sink.mails[2]!.messageId).toBe(sink.mails[0]!.messageId);
    // The first one comes to an end, too late to say anything.
    const stopped = started.shift()!.stop(0);
    stuck.advance(1);
    await stopped;
    expect(await row()).toMatchObject({ status: 'sending', attempts: 2, error: null });
  });

  test('mails that hang do not hold up the others', async () => {
    sink.mood = { hangs: true };
    start(createMailer({ url: sink.url, from: 'a@holdfast.test', timeoutMs: 60_000 }));
    for (let n = 0; n < 7; n += 1) await queue();
    await expect.poll(() => sink.mails.length, PATIENCE).toBe(7);
    sink.mood = {};
    for (let n = 0; n < 5; n += 1) await queue(`quick-${n}@example.com`);
    for (let n = 0; n < 5; n += 1) {
      await expect.poll(async () => (await row(`quick-${n}@example.com`)).status, PATIENCE).toBe('sent');
    }
  });

  test('the last attempt cut off is not repeated', async () => {
    await queue();
    await t.h.db.kysely.updateTable('emails').set({ status: 'sending', attempts: 5 }).execute();
    start();
    await expect.poll(async () => (await row()).status, PATIENCE).toBe('failed');
    expect(await row()).toMatchObject({ error: 'The last attempt was interrupted.' });
    expect(sink.mails).toEqual([]);
  });

  test('does not send what has become useless', async () => {
    await queue();
    await t.h.db.kysely
      .updateTable('emails')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .execute();
    start();
    await expect.poll(async () => (await row()).status, PATIENCE).toBe('failed');
    expect(sink.mails).toEqual([]);
  });

  test('stopping waits for what is under way, then stops trying', async () => {
    const services = t.h.otherServices({ clock });
    const timers = clock.pendingCount;
    const sender = start(smtp(), services);
    await queue();
    await expect.poll(() => sink.mails.length, PATIENCE).toBe(1);
    await sender.stop(5000);
    expect(await row()).toMatchObject({ status: 'sent' });
    expect(clock.pendingCount).toBe(timers);
    await queue('late@example.com');
    clock.advance(TICK_MS * 10);
    expect(await row('late@example.com')).toMatchObject({ status: 'queued', attempts: 0 });
  });

  test('without a mail server mails stay, and in development the link is said', async () => {
    const said: string[] = [];
    const services = t.h.otherServices({ clock });
    const sender = createMailSender({ services, mailer: createMailer(null), say: (line) => said.push(line) });
    started.push(sender);
    sender.start();
    await queue();
    clock.advance(TICK_MS * 10);
    expect(said).toEqual([
      `mail queued: password_reset to ${ann.email}: https://holdfast.test/reset#token=secret`,
    ]);
    expect(await row()).toMatchObject({ status: 'queued', attempts: 0 });
    await stopNow(sender);
    await queue();
    expect(said).toHaveLength(1);
  });

  /** In a transaction of its own, so that no sender of this process hears of it. */
  async function queueUntold(to: string): Promise<void> {
    await queue('template@example.com');
    await expect.poll(async () => (await row('template@example.com')).status, PATIENCE).toBe('sent');
    await t.h.db.kysely
      .updateTable('emails')
      .set({
        recipient: to,
        status: 'queued',
        sent_at: null,
        variables: JSON.stringify({ name: 'Bob', url: 'https://holdfast.test', token: 't' }),
        next_attempt_at: new Date(Date.now() - 1000),
      })
      .where('recipient', '=', 'template@example.com')
      .execute();
  }
});
