import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import type { LogTarget } from './index.ts';

describe.each(ENGINES)('event log on %s', (engine) => {
  let h: Harness;
  let tenantId: string;

  beforeAll(async () => {
    h = await openHarness({ engine });
    tenantId = (await h.createTenant()).tenantId;
  }, 60_000);
  afterAll(() => h.close());

  async function newLog(epoch = 1): Promise<LogTarget> {
    const sessionId = randomUUID();
    const keys = { tenant_id: tenantId, session_id: sessionId };
    await h.db.kysely
      .insertInto('session_heads')
      .values({ ...keys, epoch: 'e' })
      .execute();
    await h.db.kysely
      .insertInto('leases')
      .values({ ...keys, epoch, holder: 'test' })
      .execute();
    return { tenantId, sessionId };
  }
  const read = async (target: LogTarget) => (await h.services.log.read(target, 0, 10_000)).frames;

  test('64 writers on 20 logs: each log is 1..n and holds every acknowledged event', async () => {
    const logs = await Promise.all(Array.from({ length: 20 }, () => newLog()));
    const acked = await Promise.all(
      Array.from({ length: 640 }, async (_, i) => {
        const target = logs[i % logs.length]!;
        const id = `m${i}`;
        const { seq } = await h.services.log.append(
          target,
          { type: 'test.written', actor: 'test', data: { i }, clientMsgId: id },
          1,
        );
        return { target, id, seq };
      }),
    );
    for (const target of logs) {
      const frames = await read(target);
      expect(frames.map((frame) => frame.seq)).toEqual(frames.map((_, index) => index + 1));
      const stored = frames.map((frame) => JSON.parse(frame.json) as { seq: number; client_msg_id: string });
      const mine = acked.filter((ack) => ack.target === target);
      expect(stored.length).toBe(mine.length);
      for (const ack of mine) {
        expect(stored.find((event) => event.client_msg_id === ack.id)?.seq).toBe(ack.seq);
      }
    }
  });

  test('the same client_msg_id sent at once and again is one event', async () => {
    const target = await newLog();
    const event = { type: 'test.written', actor: 'test', data: { a: 1 }, clientMsgId: 'same' };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => h.services.log.append(target, event, 1)),
    );
    expect(new Set(answers.map((answer) => answer.seq))).toEqual(new Set([1]));
    expect(answers.filter((answer) => !answer.duplicate).length).toBe(1);
    expect((await h.services.log.append(target, event, 1)).duplicate).toBe(true);
    expect((await read(target)).length).toBe(1);
  });

  test('two servers sending the same client_msg_ids at once write each once', async () => {
    const other = h.otherServices();
    const target = await newLog();
    const both = [h.services.log, other.log].flatMap((log) =>
      Array.from({ length: 50 }, (_, i) =>
        log.append(target, { type: 'test.written', actor: 'test', data: {}, clientMsgId: `x${i}` }, 1),
      ),
    );
    const answers = await Promise.all(both);
    expect(answers.filter((answer) => !answer.duplicate).length).toBe(50);
    expect((await read(target)).map((frame) => frame.seq)).toEqual(
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
  });

  test('a stale epoch is refused with LEASE_LOST beside others that pass', async () => {
    const target = await newLog(7);
    const event = (i: number) => ({ type: 'test.written', actor: 'test', data: { i } });
    const results = await Promise.allSettled([
      h.services.log.append(target, event(1), 7),
      h.services.log.append(target, event(2), 6),
      h.services.log.append(target, event(3), 7),
    ]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'LEASE_LOST' });
    expect((await read(target)).length).toBe(2);
  });

  test('an unknown log and one of another tenant are the same 404', async () => {
    const target = await newLog();
    const other = await h.createTenant();
    const event = { type: 'test.written', actor: 'test', data: {} };
    await expect(
      h.services.log.append({ ...target, tenantId: other.tenantId }, event, 1),
    ).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(
      h.services.log.append({ tenantId, sessionId: randomUUID() }, event, 1),
    ).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(h.services.log.read({ ...target, tenantId: other.tenantId }, 0, 1)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('a rolled-back append gives its number back and nobody hears of it', async () => {
    const target = await newLog();
    const data = { changes: {} };
    const event = { type: 'session.updated' as const, actor: 'test', data };
    const failing = h.db.transaction(async (tx) => {
      await h.services.log.appendTx(tx, target, [event, event]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await h.db.transaction((tx) => h.services.log.appendTx(tx, target, [event]));
    expect((await read(target)).map((frame) => frame.seq)).toEqual([1]);
  });

  test('an event that breaks its schema is not written', async () => {
    const target = await newLog();
    const bad = { type: 'session.updated', actor: 'test', data: { changes: 3 } } as never;
    await expect(h.db.transaction((tx) => h.services.log.appendTx(tx, target, [bad]))).rejects.toThrow(
      /schema/,
    );
    expect(await read(target)).toEqual([]);
  });
});
