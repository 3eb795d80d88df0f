import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { openRuns, refusal, refused, UNKNOWN_ID, type Runs } from '../../../test/run-fixture.ts';
import { advanceRun, claimSession, closeSession } from '../run/index.ts';
import { getSession } from '../session/index.ts';
import {
  abandonLeases,
  ANY_SERVER,
  appendEvents,
  beatLeases,
  detectStalled,
  heartbeat,
  releaseLease,
} from './index.ts';

const LOCK_KEY = 0x484f4c44;

describe.each(ENGINES)('leases on %s', (engine) => {
  let t: Runs;

  beforeAll(async () => {
    t = await openRuns(engine);
  }, 60_000);
  afterAll(() => t.h.close());

  const note = (client_msg_id?: string) => ({
    type: 'note.written',
    data: { a: 1 },
    ephemeral: false,
    ...(client_msg_id === undefined ? {} : { client_msg_id }),
  });
  const claim = (id: string, holder: string) => claimSession(t.ctx, id, { holder });
  const lease = async (id: string) => (await getSession(t.ctx, id)).lease;
  const nobody = () => t.session({ agent_id: null });

  async function stall(id: string): Promise<void> {
    await t.silence(id);
    await detectStalled(t.services, true);
    expect((await lease(id)).state).toBe('stalled');
  }

  describe('claimSession', () => {
    test('takes a free session and logs lease.claimed', async () => {
      const { id } = await nobody();
      const taken = await claimSession(t.ctx, id, { holder: 'tab-1', ttl_ms: 4000 });
      expect(taken).toMatchObject({
        epoch: 1,
        holder: 'tab-1',
        ttl_ms: 4000,
        last_seq: 2,
        run: null,
        steps: [],
      });
      expect(taken.next_heartbeat_ms).toBeGreaterThanOrEqual(800);
      expect(taken.next_heartbeat_ms).toBeLessThanOrEqual(1200);
      expect(await lease(id)).toMatchObject({ epoch: 1, state: 'held', holder: 'tab-1', ttl_ms: 4000 });
      expect((await t.expectSound(id)).at(-1)).toMatchObject({
        type: 'lease.claimed',
        data: { epoch: 1, holder: 'tab-1', ttl_ms: 4000 },
      });
    });

    test('refuses while another is alive, and lets the same holder begin anew', async () => {
      const { id } = await nobody();
      await claim(id, 'tab-1');
      const error = await refused(claim(id, 'tab-2'));
      expect([error.code, error.extras.details]).toMatchObject([
        'RESOURCE_CONFLICT',
        { holder: 'tab-1', epoch: 1 },
      ]);
      expect((await claim(id, 'tab-1')).epoch).toBe(2);
      expect(await t.types(id)).toEqual(['session.created', 'lease.claimed', 'lease.claimed']);
    });

    test('with an Idempotency-Key sent twice is one claim: its late twin does not fence it', async () => {
      const { id } = await nobody();
      const ctx = { ...t.ctx, idempotencyKey: 'claim-1' };
      const first = await claimSession(ctx, id, { holder: 'tab-1' });
      expect(await claimSession(ctx, id, { holder: 'tab-1' })).toEqual(first);
      expect((await lease(id)).epoch).toBe(first.epoch);
    });

    test('takes over a stalled session and logs session.recovered', async () => {
      const { id } = await nobody();
      await claim(id, 'tab-1');
      await stall(id);
      expect(await claim(id, 'tab-2')).toMatchObject({ epoch: 2, holder: 'tab-2' });
      const events = await t.expectSound(id);
      expect(events.slice(-3).map(({ type, data }) => [type, data['epoch'], data['holder']])).toEqual([
        ['session.stalled', 1, 'tab-1'],
        ['lease.claimed', 2, 'tab-2'],
        ['session.recovered', 2, 'tab-2'],
      ]);
      expect(events.at(-1)!.data['from_epoch']).toBe(1);
    });

    test('refuses servers’ names, missing scope, strangers and closed sessions', async () => {
      const { id } = await nobody();
      const named = await refused(claim(id, 'server:me'));
      expect([named.code, named.extras.errors?.[0]?.field]).toEqual(['VALIDATION_ERROR', 'holder']);
      const writer = t.as({ scopes: ['read', 'write'] });
      expect(await refusal(claimSession(writer, id, { holder: 'tab' }))).toBe('FORBIDDEN');
      const stranger = await t.stranger();
      const foreign = await refused(claimSession(stranger, id, { holder: 'tab' }));
      const unknown = await refused(claimSession(stranger, UNKNOWN_ID, { holder: 'tab' }));
      expect([foreign.code, foreign.message]).toEqual(['NOT_FOUND', unknown.message]);
      await closeSession(t.ctx, id, { status: 'completed', reason: null });
      expect(await refusal(claim(id, 'tab'))).toBe('RESOURCE_CONFLICT');
      expect(await t.types(id)).toEqual(['session.created', 'session.closed']);
    });

    test('of 50 at once, one is the holder, and epochs only rise', async () => {
      const { id } = await nobody();
      const first = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => claim(id, `tab-${i}`)));
      expect(first.filter((result) => result.status === 'fulfilled').length).toBe(1);
      await stall(id);
      const second = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => claim(id, `win-${i}`)));
      const winners = second.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(winners.length).toBe(1);
      expect(await lease(id)).toMatchObject({ epoch: 2, state: 'held', holder: winners[0]!.holder });
      const events = await t.expectSound(id);
      const epochs = events.filter((e) => e.type === 'lease.claimed').map((e) => e.data['epoch']);
      expect(epochs).toEqual([1, 2]);
    });
  });

  describe('a holder that was replaced', () => {
    test('has every kind of write refused, and nothing is written', async () => {
      const { id } = await t.session({ executor: 'external' });
      await t.post(id, 'hello');
      const old = await claim(id, 'tab-1');
      const { epoch } = old;
      await stall(id);
      await claim(id, 'tab-2');
      const before = [await t.log(id), await getSession(t.ctx, id), await t.runs(id)];
      const runId = old.run!.id;
      const begun = [{ kind: 'model' as const, name: 'm', message_id: UNKNOWN_ID }];
      const delta = { message_id: UNKNOWN_ID, run_id: runId, offset: 0, text: 'x' };
      const writes = [
        appendEvents(t.ctx, id, { epoch, events: [note('late')] }),
        appendEvents(t.ctx, id, { epoch, events: [{ type: 'message.delta', data: delta, ephemeral: true }] }),
        advanceRun(t.ctx, id, runId, { epoch, ended: [], begun }),
        advanceRun(t.ctx, id, runId, { epoch, ended: [], begun: [], finish: { status: 'completed' } }),
        heartbeat(t.ctx, id, { epoch, progress: true }),
        releaseLease(t.ctx, id, { epoch }),
      ];
      const codes = await Promise.all(writes.map(refusal));
      expect(codes).toEqual(writes.map(() => 'LEASE_LOST'));
      expect([await t.log(id), await getSession(t.ctx, id), await t.runs(id)]).toEqual(before);
      const key = { tenantId: t.tenantId, sessionId: id };
      expect(await beatLeases(t.h.db, [{ ...key, epoch }])).toEqual(new Set());
      expect(await beatLeases(t.h.db, [{ ...key, epoch: epoch + 1 }])).toEqual(new Set([id]));
    });

    test('cannot write while stalled either, until its heartbeat has revived the lease', async () => {
      const { id } = await nobody();
      const { epoch } = await claim(id, 'tab-1');
      await stall(id);
      const error = await refused(releaseLease(t.ctx, id, { epoch }));
      expect([error.code, error.extras.details]).toEqual(['LEASE_LOST', { epoch, state: 'stalled' }]);
      expect(await refusal(appendEvents(t.ctx, id, { epoch, events: [note()] }))).toBe('LEASE_LOST');
      expect(await heartbeat(t.ctx, id, { epoch, progress: false })).toMatchObject({ epoch });
      expect(await lease(id)).toMatchObject({ epoch, state: 'held', holder: 'tab-1' });
      await appendEvents(t.ctx, id, { epoch, events: [note()] });
      const events = await t.expectSound(id);
      expect(events.slice(-2)).toMatchObject([
        { type: 'session.recovered', data: { epoch, from_epoch: epoch, holder: 'tab-1' } },
        { type: 'note.written', data: { a: 1 } },
      ]);
    });
  });

  describe('heartbeat', () => {
    test('late and doubled ones only extend, and log nothing', async () => {
      const { id } = await nobody();
      const { epoch } = await claim(id, 'tab-1');
      const beats = await Promise.all(
        Array.from({ length: 20 }, () => heartbeat(t.ctx, id, { epoch, progress: false })),
      );
      const latest = beats
        .map((beat) => beat.last_heartbeat)
        .sort()
        .at(-1)!;
      expect((await lease(id)).last_heartbeat).toBe(latest);
      const ahead = new Date(Date.now() + 60_000);
      await t.h.db.kysely
        .updateTable('leases')
        .set({ last_heartbeat: ahead })
        .where('session_id', '=', id)
        .execute();
      const late = await heartbeat(t.ctx, id, { epoch, progress: false });
      expect(late.last_heartbeat).toBe(ahead.toISOString());
      expect(await t.types(id)).toEqual(['session.created', 'lease.claimed']);
    });

    test('is refused for a free session, a future epoch, strangers, and without the scope hold', async () => {
      const { id } = await nobody();
      expect(await refusal(heartbeat(t.ctx, id, { epoch: 1, progress: false }))).toBe('LEASE_LOST');
      const { epoch } = await claim(id, 'tab-1');
      expect(await refusal(heartbeat(t.ctx, id, { epoch: epoch + 1, progress: false }))).toBe('LEASE_LOST');
      const writer = t.as({ scopes: ['read', 'write'] });
      expect(await refusal(heartbeat(writer, id, { epoch, progress: false }))).toBe('FORBIDDEN');
      const stranger = await t.stranger();
      expect(await refusal(heartbeat(stranger, id, { epoch, progress: false }))).toBe('NOT_FOUND');
      expect(await refusal(heartbeat(t.ctx, 'nonsense', { epoch, progress: false }))).toBe('NOT_FOUND');
    });
  });

  describe('releaseLease', () => {
    test('frees the session, logs it, and fences the epoch', async () => {
      const { id } = await nobody();
      const { epoch } = await claim(id, 'tab-1');
      expect(await refusal(releaseLease(t.as({ scopes: ['write'] }), id, { epoch }))).toBe('FORBIDDEN');
      expect(await refusal(releaseLease(await t.stranger(), id, { epoch }))).toBe('NOT_FOUND');
      await releaseLease(t.ctx, id, { epoch });
      expect((await t.expectSound(id)).at(-1)).toMatchObject({
        type: 'lease.released',
        data: { epoch, holder: 'tab-1' },
      });
      expect(await refusal(releaseLease(t.ctx, id, { epoch }))).toBe('LEASE_LOST');
      expect(await refusal(heartbeat(t.ctx, id, { epoch, progress: false }))).toBe('LEASE_LOST');
      expect((await claim(id, 'tab-2')).epoch).toBe(epoch + 1);
    });
  });

  describe('appendEvents', () => {
    test('writes in order, once per client_msg_id, and broadcasts what is ephemeral', async () => {
      const { id } = await nobody();
      const { epoch } = await claim(id, 'tab-1');
      const events = [note('a'), { ...note(), ephemeral: true }, note('b')];
      const { events: written } = await appendEvents(t.ctx, id, { epoch, events });
      expect(written).toEqual([
        { seq: 3, duplicate: false },
        { seq: null, duplicate: false },
        { seq: 4, duplicate: false },
      ]);
      const again = await appendEvents(t.ctx, id, { epoch, events: [note('b'), note('c')] });
      expect(again.events).toEqual([
        { seq: 4, duplicate: true },
        { seq: 5, duplicate: false },
      ]);
      expect((await t.expectSound(id)).slice(2).map((event) => event.client_msg_id)).toEqual(['a', 'b', 'c']);
    });

    test('refuses reserved nouns, malformed deltas, missing scope and strangers', async () => {
      const { id } = await nobody();
      const { epoch } = await claim(id, 'tab-1');
      const append = (type: string, ephemeral: boolean, ctx = t.ctx) =>
        appendEvents(ctx, id, { epoch, events: [{ type, data: {}, ephemeral }] });
      for (const type of ['run.completed', 'message.created', 'lease.claimed']) {
        expect(await refusal(append(type, false))).toBe('VALIDATION_ERROR');
        expect(await refusal(append(type, true))).toBe('VALIDATION_ERROR');
      }
      expect(await refusal(append('message.delta', true))).toBe('VALIDATION_ERROR');
      expect(await refusal(append('note.x', false, t.as({ scopes: ['write'] })))).toBe('FORBIDDEN');
      expect(await refusal(append('note.x', false, await t.stranger()))).toBe('NOT_FOUND');
      expect(await refusal(append('note.x', true, await t.stranger()))).toBe('NOT_FOUND');
      expect(await t.types(id)).toEqual(['session.created', 'lease.claimed']);
    });
  });

  describe('detectStalled', () => {
    test('marks only leases that are due, once, however many look', async () => {
      const [due, fresh, free] = [await nobody(), await nobody(), await nobody()];
      await claim(due.id, 'tab-1');
      await claim(fresh.id, 'tab-1');
      await t.silence(due.id);
      await t.silence(free.id);
      const others = [t.services, t.h.otherServices(), t.h.otherServices()];
      const found = await Promise.all(others.map((services) => detectStalled(services, true)));
      if (found.every((count) => count === 0)) await detectStalled(t.services, true);
      expect((await lease(due.id)).state).toBe('stalled');
      expect((await lease(fresh.id)).state).toBe('held');
      expect((await lease(free.id)).state).toBe('free');
      expect(await t.types(due.id)).toEqual(['session.created', 'lease.claimed', 'session.stalled']);
      expect(await detectStalled(t.services, true)).toBe(0);
      await t.expectSound(due.id);
    });

    test('passes over holders outside when asked to', async () => {
      const outside = await nobody();
      const inside = await t.session();
      await claim(outside.id, 'tab-1');
      await t.post(inside.id, 'hello');
      await t.claim(inside.id);
      await t.silence(outside.id);
      await t.silence(inside.id);
      await detectStalled(t.services, false);
      expect((await lease(outside.id)).state).toBe('held');
      expect((await lease(inside.id)).state).toBe('stalled');
      await detectStalled(t.services, true);
      expect((await lease(outside.id)).state).toBe('stalled');
    });

    test('finds more than one batch', async () => {
      const sessions = await Promise.all(Array.from({ length: 105 }, () => nobody()));
      await Promise.all(sessions.map(({ id }) => claim(id, 'tab')));
      await Promise.all(sessions.map(({ id }) => t.silence(id)));
      expect(await detectStalled(t.services, true)).toBeGreaterThanOrEqual(105);
      for (const { id } of sessions) expect((await lease(id)).state).toBe('stalled');
    });

    test('abandonLeases stalls what servers hold at once, and nothing else', async () => {
      const outside = await nobody();
      const inside = await t.session();
      await claim(outside.id, 'tab-1');
      await t.post(inside.id, 'hello');
      const { epoch } = await t.claim(inside.id);
      await abandonLeases(t.services, ANY_SERVER);
      expect((await lease(outside.id)).state).toBe('held');
      expect((await lease(inside.id)).state).toBe('stalled');
      expect((await t.expectSound(inside.id)).at(-1)).toMatchObject({
        type: 'session.stalled',
        data: { epoch },
      });
    });

    if (engine === 'postgres') {
      test('does nothing while another server scans', async () => {
        const { id } = await nobody();
        await claim(id, 'tab-1');
        await t.silence(id);
        await onOtherConnection(async (client) => {
          await client.query('begin');
          await client.query('select pg_advisory_xact_lock($1)', [LOCK_KEY]);
          expect(await detectStalled(t.services, true)).toBe(0);
          expect((await lease(id)).state).toBe('held');
          await client.query('rollback');
        });
        await detectStalled(t.services, true);
        expect((await lease(id)).state).toBe('stalled');
      });

      test('a heartbeat in a transaction that is still open wins', async () => {
        const { id } = await nobody();
        await claim(id, 'tab-1');
        await t.silence(id);
        await onOtherConnection(async (client) => {
          await client.query('begin');
          await client.query('update leases set last_heartbeat = clock_timestamp() where session_id = $1', [
            id,
          ]);
          await detectStalled(t.services, true);
          expect((await lease(id)).state).toBe('held');
          await client.query('commit');
        });
        await detectStalled(t.services, true);
        expect((await lease(id)).state).toBe('held');
        expect(await t.types(id)).toEqual(['session.created', 'lease.claimed']);
      });

      test('a heartbeat that meets the scan half-way revives the lease', async () => {
        const { id } = await nobody();
        const { epoch } = await claim(id, 'tab-1');
        await t.silence(id);
        await onOtherConnection(async (client) => {
          await client.query('begin');
          await client.query('update leases set stalled = true where session_id = $1', [id]);
          const beat = heartbeat(t.ctx, id, { epoch, progress: false });
          await vi.waitFor(async () => {
            const waiting = await client.query(
              `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
            );
            expect(waiting.rowCount).toBeGreaterThan(0);
          });
          await client.query('commit');
          await beat;
        });
        expect((await lease(id)).state).toBe('held');
        expect((await t.types(id)).at(-1)).toBe('session.recovered');
      });

      async function onOtherConnection(work: (client: pg.Client) => Promise<void>): Promise<void> {
        const url = new URL(process.env['TEST_DATABASE_URL']!);
        const name = { name: 'test_database', text: 'select current_database() as name' };
        url.pathname = `/${(await t.h.db.query<{ name: string }>(name, []))[0]!.name}`;
        const client = new pg.Client({ connectionString: url.href });
        await client.connect();
        try {
          await work(client);
        } finally {
          await client.end();
        }
      }
    }
  });
});
