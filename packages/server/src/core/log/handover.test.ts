import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ChaoticBus } from '../../../test/chaotic-bus.ts';
import { ENGINES, openHarness, silentLogger, type Harness } from '../../../test/harness.ts';
import { createLog, passTurns, RecordingSink } from '../../../test/log-fixture.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { createLocalBus } from '../../infra/bus/local-bus.ts';
import type { Bus } from '../ports.ts';
import { EventLog, type Follower, type LogTarget } from './index.ts';

interface Server {
  log: EventLog;
  bus: ChaoticBus;
  clock: ManualClock;
}

describe.each(ENGINES)('following a log on %s', (engine) => {
  let h: Harness;
  let tenantId: string;
  let inner: Bus = createLocalBus();
  const servers: Server[] = [];

  beforeAll(async () => {
    h = await openHarness({ engine });
    tenantId = (await h.createTenant()).tenantId;
  });
  afterAll(() => h.close());
  afterEach(() => {
    for (const { log } of servers.splice(0)) log.close();
    inner = createLocalBus();
  });

  /** A server whose hints all arrive, or (loss 1) none of whose hints leave it. */
  function openServer(loss = 0): Server {
    const bus = new ChaoticBus(inner, { seed: 1, loss, double: 0, delayMs: 0 });
    const clock = new ManualClock();
    const server = { bus, clock, log: new EventLog({ db: h.db, bus, clock, logger: silentLogger }) };
    servers.push(server);
    return server;
  }
  async function write(log: EventLog, target: LogTarget, count: number, text = ''): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      await log.append(target, { type: 'test.written', actor: 'test', data: { i, text } }, 1);
    }
  }
  async function follow(server: Server, target: LogTarget, after: number, sink = new RecordingSink()) {
    const follower = (await server.log.hub.open(target, after)).start(sink);
    return { sink, follower };
  }
  const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i);
  const reached = (sink: RecordingSink, n: number) =>
    vi.waitFor(() => expect(sink.frames.at(-1)?.seq).toBe(n), 5000);

  test('an event committed between subscribe and head read arrives once', async () => {
    const [a, b] = [openServer(), openServer()];
    const target = await createLog(h.db, tenantId);
    await write(a.log, target, 2);
    const opening = b.log.hub.open(target, 0);
    const writing = write(a.log, target, 3);
    const sink = new RecordingSink();
    (await opening).start(sink);
    await writing;
    await reached(sink, 5);
    expect(sink.seqs).toEqual(upTo(5));
  });

  test('what no hint told is found by the tail check', async () => {
    const [mute, b] = [openServer(1), openServer()];
    const target = await createLog(h.db, tenantId);
    const { sink } = await follow(b, target, 0);
    await write(mute.log, target, 3);
    await passTurns(5);
    expect(sink.seqs).toEqual([]);
    b.clock.advance(5000);
    await reached(sink, 3);
    expect(sink.seqs).toEqual(upTo(3));
  });

  test('one hint after many lost ones brings all of them, over several pages', async () => {
    const [mute, a, b] = [openServer(1), openServer(), openServer()];
    const target = await createLog(h.db, tenantId);
    const { sink } = await follow(b, target, 0);
    const events = Array.from({ length: 1200 }, (_, i) => ({
      type: 'session.updated' as const,
      actor: 'test',
      data: { changes: { i } },
    }));
    await h.db.transaction((tx) => mute.log.appendTx(tx, target, events));
    await write(a.log, target, 1);
    await reached(sink, 1201);
    expect(sink.seqs).toEqual(upTo(1201));
  });

  test('frames offered out of order leave in order, with the text they are read back with', async () => {
    const server = openServer();
    const target = await createLog(h.db, tenantId);
    const { sink } = await follow(server, target, 0);
    await write(openServer(1).log, target, 6, 'ü\u0000"\\');
    const { frames } = await server.log.read(target, 0, 10);
    for (const index of [5, 2, 2, 4, 0, 3, 1, 0, 5]) server.log.hub.announce(target, [frames[index]!]);
    await reached(sink, 6);
    expect(sink.frames.map((frame) => frame.json)).toEqual(frames.map((frame) => frame.json));
  });

  test('a cursor ahead of the log is refused, saying where the log ends', async () => {
    const server = openServer();
    const target = await createLog(h.db, tenantId);
    await write(server.log, target, 2);
    const details = { last_seq: 2, min_seq: 1, log_epoch: 'e' };
    const refused = { code: 'CURSOR_AHEAD', extras: { details } };
    await expect(server.log.hub.open(target, 3)).rejects.toMatchObject(refused);
    await expect(server.log.read(target, 3, 1)).rejects.toMatchObject(refused);
  });

  test('a cursor before the beginning of the log is refused, saying where it begins', async () => {
    const server = openServer();
    const target = await createLog(h.db, tenantId);
    await write(server.log, target, 5);
    const heads = h.db.kysely.updateTable('session_heads').where('session_id', '=', target.sessionId);
    await heads.set({ min_seq: 3 }).execute();
    const refused = { code: 'CURSOR_GONE', extras: { details: { last_seq: 5, min_seq: 3, log_epoch: 'e' } } };
    await expect(server.log.hub.open(target, 1)).rejects.toMatchObject(refused);
    const { sink } = await follow(server, target, 2);
    await reached(sink, 5);
    expect(sink.seqs).toEqual([3, 4, 5]);
  });

  test('a cursor ahead of this server but not of the database is accepted', async () => {
    const [mute, b] = [openServer(1), openServer()];
    const target = await createLog(h.db, tenantId);
    await follow(b, target, 0, new RecordingSink(0));
    await write(mute.log, target, 3);
    const { sink } = await follow(b, target, 2);
    await reached(sink, 3);
    expect(sink.seqs).toEqual([3]);
  });

  test('a full sink delays neither the others nor the writer, and resumes from the database', async () => {
    const server = openServer();
    const target = await createLog(h.db, tenantId);
    const slow = await follow(server, target, 0, new RecordingSink(1));
    const fast = await follow(server, target, 0);
    // 60 frames of 50 kB are more than what is kept in memory.
    const text = 'x'.repeat(50_000);
    await write(server.log, target, 60, text);
    await reached(fast.sink, 60);
    expect(slow.sink.seqs).toEqual([1]);
    for (let next = 2; next <= 20; next += 1) {
      slow.sink.drain(slow.follower, 1);
      await vi.waitFor(() => expect(slow.sink.frames.length).toBe(next));
    }
    expect(slow.follower.cursor()).toBe(20);
    slow.sink.drain(slow.follower);
    await reached(slow.sink, 60);
    expect(slow.sink.seqs).toEqual(upTo(60));
    expect([slow.sink.misuse, fast.sink.misuse]).toEqual([null, null]);
  });

  test('a page is bounded by size, not only by rows', async () => {
    const server = openServer();
    const target = await createLog(h.db, tenantId);
    // Random text, because sizes are counted as the database stores them: compressed.
    const noise = () =>
      Buffer.from(Array.from({ length: 150_000 }, () => Math.random() * 256)).toString('base64');
    for (let i = 0; i < 40; i += 1) await write(server.log, target, 1, noise());
    const { frames } = await server.log.read(target, 0, 1000);
    expect(frames.length).toBeGreaterThan(10);
    expect(frames.length).toBeLessThan(30);
    const { sink } = await follow(server, target, 0);
    await reached(sink, 40);
    expect(sink.seqs).toEqual(upTo(40));
  });

  test('a sink that throws is closed and leaves the others and the process alone', async () => {
    const server = openServer();
    const target = await createLog(h.db, tenantId);
    const broken = new RecordingSink();
    broken.write = () => {
      throw new Error('socket is gone');
    };
    await follow(server, target, 0, broken);
    const { sink } = await follow(server, target, 0);
    await write(server.log, target, 2);
    await reached(sink, 2);
    expect(broken.closed).toMatchObject({ control: 'closed', reason: 'internal_error', log_epoch: 'e' });
    expect(server.log.hub.followerCount).toBe(1);
  });

  describe('the unfinished answer', () => {
    const ids = { message_id: randomUUID(), run_id: randomUUID() };
    const delta = (offset: number, text: string) => ({ ...ids, offset, text });
    const say = (log: EventLog, target: LogTarget, offset: number, text: string) =>
      log.broadcast(target, 'message.delta', delta(offset, text));
    const created = (log: EventLog, target: LogTarget) =>
      h.db.transaction((tx) =>
        log.appendTx(tx, target, [
          {
            type: 'message.created',
            actor: 'test',
            data: { ...ids, message_index: 0, role: 'assistant', content: 'Hello', client_msg_id: null },
          },
        ]),
      );
    /** The text that a reader puts together, by the rule that an offset replaces what was there. */
    const textOf = (sink: RecordingSink) =>
      sink.ephemeral.reduce(
        (text, { data }) => text.slice(0, data['offset'] as number) + String(data['text']),
        '',
      );

    test.each(['on its own server', 'from another server'])(
      'a late joiner gets its beginning: %s',
      async (where) => {
        const a = openServer();
        const b = where === 'on its own server' ? a : openServer();
        const target = await createLog(h.db, tenantId);
        say(a.log, target, 0, 'Hel');
        say(a.log, target, 3, 'lo');
        await vi.waitFor(() => expect(a.bus.underway).toBe(0));
        const late = await follow(b, target, 0);
        await vi.waitFor(() => expect(textOf(late.sink)).toBe('Hello'));
        expect(late.sink.ephemeral[0]?.data).toEqual(delta(0, 'Hello'));
        say(a.log, target, 5, ' world');
        await vi.waitFor(() => expect(textOf(late.sink)).toBe('Hello world'));
        expect(late.sink.ephemeral.length).toBe(2);
      },
    );

    test('those who listen hear each piece once, though the bus doubles it and another joins', async () => {
      const [a, b] = [openServer(), openServer()];
      const target = await createLog(h.db, tenantId);
      const first = await follow(b, target, 0);
      say(a.log, target, 0, 'Hel');
      await vi.waitFor(() => expect(textOf(first.sink)).toBe('Hel'));
      say(a.log, target, 0, 'Hel');
      await follow(b, target, 0);
      say(a.log, target, 3, 'lo');
      await vi.waitFor(() => expect(textOf(first.sink)).toBe('Hello'));
      expect(first.sink.ephemeral.map(({ data }) => data['text'])).toEqual(['Hel', 'lo']);
    });

    test('a piece the bus lost is asked for', async () => {
      const [a, b] = [openServer(), openServer()];
      const target = await createLog(h.db, tenantId);
      const { sink } = await follow(b, target, 0);
      b.clock.advance(2000);
      const muted = vi.spyOn(a.bus, 'publish').mockImplementationOnce(() => {});
      say(a.log, target, 0, 'Hel');
      muted.mockRestore();
      say(a.log, target, 3, 'lo');
      await vi.waitFor(() => expect(textOf(sink)).toBe('Hello'));
    });

    test('a full sink misses pieces and gets them when it has room', async () => {
      const server = openServer();
      const target = await createLog(h.db, tenantId);
      await write(server.log, target, 1);
      const { sink, follower } = await follow(server, target, 0, new RecordingSink(1));
      await reached(sink, 1);
      say(server.log, target, 0, 'Hel');
      say(server.log, target, 3, 'lo');
      await passTurns(2);
      expect(sink.ephemeral).toEqual([]);
      sink.drain(follower);
      expect(textOf(sink)).toBe('Hello');
      expect(sink.misuse).toBe(null);
    });

    test('once it is finished nobody hears of it again, though an old piece comes late', async () => {
      const [a, b] = [openServer(), openServer()];
      const target = await createLog(h.db, tenantId);
      const first = await follow(b, target, 0);
      say(a.log, target, 0, 'Hello');
      await vi.waitFor(() => expect(textOf(first.sink)).toBe('Hello'));
      await created(a.log, target);
      await reached(first.sink, 1);
      say(a.log, target, 0, 'Hello');
      const late = await follow(b, target, 0);
      b.log.broadcast(target, 'tool.progress', { done: 1 });
      await vi.waitFor(() => expect(late.sink.ephemeral.map(({ type }) => type)).toEqual(['tool.progress']));
      expect(first.sink.ephemeral.map(({ type }) => type)).toEqual(['message.delta', 'tool.progress']);
    });
  });

  test('an ephemeral event reaches who is live, on every server, and nobody later', async () => {
    const [a, b] = [openServer(), openServer()];
    const target = await createLog(h.db, tenantId);
    const [here, there] = [await follow(a, target, 0), await follow(b, target, 0)];
    a.log.broadcast(target, 'presence.changed', { who: 'me' });
    await vi.waitFor(() => expect([here.sink.ephemeral.length, there.sink.ephemeral.length]).toEqual([1, 1]));
    const late = await follow(b, target, 0);
    await write(a.log, target, 1);
    await reached(late.sink, 1);
    expect(late.sink.ephemeral).toEqual([]);
  });

  test('two tenants share no tail, even under one session id', async () => {
    const server = openServer();
    const other = (await h.createTenant()).tenantId;
    const mine = await createLog(h.db, tenantId);
    await expect(server.log.hub.open({ ...mine, tenantId: other }, 0)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const both = await Promise.allSettled([
      server.log.hub.open({ ...mine, tenantId: other }, 0),
      server.log.hub.open(mine, 0),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    const theirs = await createLog(h.db, other, mine.sessionId);
    const [a, b] = [await follow(server, mine, 0), await follow(server, theirs, 0)];
    server.log.broadcast(theirs, 'presence.changed', {});
    await Promise.all([write(server.log, mine, 2, 'mine'), write(server.log, theirs, 3, 'theirs')]);
    await Promise.all([reached(a.sink, 2), reached(b.sink, 3)]);
    expect(a.sink.frames.every((frame) => frame.json.includes('"text":"mine"'))).toBe(true);
    expect(b.sink.frames.every((frame) => frame.json.includes('"text":"theirs"'))).toBe(true);
    expect(a.sink.ephemeral).toEqual([]);
  });

  test('the last follower leaves nothing behind, after a while in which it may come back', async () => {
    const server = openServer();
    const target = await createLog(h.db, tenantId);
    await passTurns(1);
    const idle = { subscriptions: server.bus.subscriptions, timers: server.clock.pendingCount };
    const { follower } = await follow(server, target, 0);
    (await server.log.hub.open(target, 0)).cancel();
    await expect(server.log.hub.open({ tenantId, sessionId: randomUUID() }, 0)).rejects.toThrow();
    expect(server.bus.subscriptions).toBe(idle.subscriptions + 1);
    follower.stop();
    server.clock.advance(5000);
    const again = await follow(server, target, 0);
    server.clock.advance(20_000);
    expect(server.bus.subscriptions).toBe(idle.subscriptions + 1);
    again.follower.stop();
    server.clock.advance(10_000);
    expect(server.bus.subscriptions).toBe(idle.subscriptions);
    expect(server.clock.pendingCount).toBe(idle.timers);
  });

  test('closing ends every follow with a reason and leaves no subscription or timer', async () => {
    const server = openServer();
    const target = await createLog(h.db, tenantId);
    const { sink } = await follow(server, target, 0);
    const prepared = await server.log.hub.open(target, 0);
    const opening = server.log.hub.open(await createLog(h.db, tenantId), 0).catch((error: unknown) => error);
    server.log.close();
    expect(sink.closed?.reason).toBe('server_shutdown');
    const late = new RecordingSink();
    const follower: Follower = prepared.start(late);
    expect([late.closed?.reason, follower.cursor()]).toEqual(['server_shutdown', 0]);
    expect(await opening).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await vi.waitFor(() => expect([server.bus.subscriptions, server.clock.pendingCount]).toEqual([0, 0]));
  });

  test('an append inside a transaction is refused at once, and harms nobody else', async () => {
    const { log } = openServer();
    const target = await createLog(h.db, tenantId);
    const event = { type: 'test.written', actor: 'test', data: {} };
    const inside = h.db.transaction(() => log.append(target, event, 1));
    const beside = log.append(target, event, 1);
    await expect(inside).rejects.toThrow(/inside a transaction/);
    expect((await beside).seq).toBe(1);
  });
});
