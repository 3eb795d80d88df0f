import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { openRuns, refusal, refused, UNKNOWN_ID, type Runs } from '../../../test/run-fixture.ts';
import { appendEvents } from '../lease/index.ts';
import { advanceRun, claimSession, closeSession } from '../run/index.ts';
import { getSession, updateSession } from '../session/index.ts';
import { postMessage } from './index.ts';

describe.each(ENGINES)('postMessage on %s', (engine) => {
  let t: Runs;

  beforeAll(async () => {
    t = await openRuns(engine);
  }, 60_000);
  afterAll(() => t.h.close());

  test('writes message and run together, and logs them in this order', async () => {
    const { id, agent_id } = await t.session();
    const { message, run, duplicate } = await t.post(id, 'hello', 'm-1');
    expect(duplicate).toBe(false);
    expect(run).toMatchObject({ status: 'queued', message_id: message.id, agent_id, session_id: id });
    const events = await t.expectSound(id);
    expect(events.slice(1)).toMatchObject([
      { type: 'message.created', client_msg_id: 'm-1', actor: 'key:test', data: { content: 'hello' } },
      { type: 'run.queued', data: { run_id: run!.id, message_id: message.id, agent_id } },
    ]);
    expect(await t.messages(id)).toEqual([message]);
    expect((await getSession(t.ctx, id)).message_count).toBe(1);
  });

  test('queues no run without an agent, or when none is wanted', async () => {
    const { id } = await t.session({ agent_id: null });
    expect((await t.post(id, 'hello')).run).toBeNull();
    const other = await t.session();
    const posted = await postMessage(t.ctx, other.id, { content: 'x', metadata: {}, run: false });
    expect(posted.run).toBeNull();
    expect(await t.types(other.id)).toEqual(['session.created', 'message.created']);
  });

  test('refuses readers, strangers and closed sessions, and writes nothing', async () => {
    const { id } = await t.session();
    expect(await refusal(t.post(id, 'x', undefined, t.as({ scopes: ['read', 'hold'] })))).toBe('FORBIDDEN');
    const stranger = await t.stranger();
    const foreign = await refused(t.post(id, 'x', undefined, stranger));
    const unknown = await refused(t.post(UNKNOWN_ID, 'x', undefined, stranger));
    expect([foreign.code, foreign.message]).toEqual(['NOT_FOUND', unknown.message]);
    await closeSession(t.ctx, id, { status: 'completed', reason: null });
    expect(await refusal(t.post(id, 'x', 'late'))).toBe('RESOURCE_CONFLICT');
    expect(await t.types(id)).toEqual(['session.created', 'session.closed']);
    expect((await getSession(t.ctx, id)).message_count).toBe(0);
  });

  describe('sent twice', () => {
    test.each(['queue', 'reject', 'interrupt'] as const)(
      '50 at once with one client_msg_id are one message and one run (%s)',
      async (run_policy) => {
        const { id } = await t.session({ run_policy });
        const posted = await Promise.all(Array.from({ length: 50 }, () => t.post(id, 'same', 'twin')));
        expect(new Set(posted.map(({ message }) => message.id)).size).toBe(1);
        expect(new Set(posted.map(({ run }) => run!.id)).size).toBe(1);
        expect(posted.filter(({ duplicate }) => !duplicate).length).toBe(1);
        expect(await t.types(id)).toEqual(['session.created', 'message.created', 'run.queued']);
        expect((await t.runs(id)).map((run) => run.status)).toEqual(['queued']);
      },
    );

    test('answers the same although the session is closed or busy by now', async () => {
      const { id } = await t.session({ run_policy: 'reject' });
      const first = await t.post(id, 'hello', 'm-1');
      expect(await t.post(id, 'hello', 'm-1')).toMatchObject({ message: first.message, duplicate: true });
      expect(await refusal(t.post(id, 'hello', 'm-2'))).toBe('RESOURCE_CONFLICT');
      await closeSession(t.ctx, id, { status: 'completed', reason: null });
      const late = await t.post(id, 'hello', 'm-1');
      expect(late).toMatchObject({ message: first.message, run: { id: first.run!.id, status: 'cancelled' } });
    });

    test('with another text, other metadata, or an id that an event has, is IDEMPOTENCY_MISMATCH', async () => {
      const { id } = await t.session({ agent_id: null });
      await t.post(id, 'hello', 'm-1');
      expect(await refusal(t.post(id, 'other', 'm-1'))).toBe('IDEMPOTENCY_MISMATCH');
      const other = { content: 'hello', metadata: { a: 1 }, run: true, client_msg_id: 'm-1' };
      expect(await refusal(postMessage(t.ctx, id, other))).toBe('IDEMPOTENCY_MISMATCH');
      const { epoch } = await claimSession(t.ctx, id, { holder: 'tab' });
      const event = { type: 'note.written', data: {}, client_msg_id: 'e-1', ephemeral: false };
      await appendEvents(t.ctx, id, { epoch, events: [event] });
      expect(await refusal(t.post(id, 'hello', 'e-1'))).toBe('IDEMPOTENCY_MISMATCH');
      expect((await t.messages(id)).length).toBe(1);
      await t.expectSound(id);
    });

    test('the same client_msg_id in another session is another message', async () => {
      const [a, b] = [await t.session(), await t.session()];
      const first = await t.post(a.id, 'hello', 'm-1');
      const second = await t.post(b.id, 'hello', 'm-1');
      expect(second.duplicate).toBe(false);
      expect(second.message.id).not.toBe(first.message.id);
    });

    test('an Idempotency-Key does the same without a client_msg_id', async () => {
      const { id } = await t.session();
      const ctx = t.as({ idempotencyKey: `post-${id}` });
      const posted = await Promise.all(Array.from({ length: 10 }, () => t.post(id, 'same', undefined, ctx)));
      expect(new Set(posted.map(({ message }) => message.id)).size).toBe(1);
      expect(await refusal(t.post(id, 'other', undefined, ctx))).toBe('IDEMPOTENCY_MISMATCH');
      expect(await t.types(id)).toEqual(['session.created', 'message.created', 'run.queued']);
    });
  });

  describe('while a run is active', () => {
    test('queue: runs wait in the order of their messages, also when posted at once', async () => {
      const { id } = await t.session();
      const posted = await Promise.all(Array.from({ length: 20 }, (_, i) => t.post(id, `m${i}`)));
      const byIndex = posted.sort((a, b) => a.message.message_index - b.message.message_index);
      expect((await t.runs(id)).map((run) => run.id)).toEqual(byIndex.map(({ run }) => run!.id));
      expect((await t.claim(id)).runId).toBe(byIndex[0]!.run!.id);
      await t.expectSound(id);
    });

    test('reject: of 20 at once one is accepted, and nothing of the others is left', async () => {
      const { id } = await t.session({ run_policy: 'reject' });
      const posted = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => t.post(id, `m${i}`, `c${i}`)),
      );
      const accepted = posted.filter((result) => result.status === 'fulfilled');
      expect(accepted.length).toBe(1);
      for (const result of posted) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'RESOURCE_CONFLICT' });
      }
      expect((await t.messages(id)).length).toBe(1);
      expect((await getSession(t.ctx, id)).message_count).toBe(1);
      await t.expectSound(id);
    });

    test('interrupt: of 20 at once the last is left, the others are cancelled', async () => {
      const { id } = await t.session({ run_policy: 'interrupt' });
      await t.post(id, 'first');
      await t.claim(id);
      const posted = await Promise.all(Array.from({ length: 20 }, (_, i) => t.post(id, `m${i}`)));
      const last = posted.find(({ message }) => message.message_index === 20)!;
      const runs = await t.runs(id);
      expect(runs.filter((run) => run.ended_at === null).map((run) => run.id)).toEqual([last.run!.id]);
      expect(runs.filter((run) => run.status === 'cancelled').length).toBe(20);
      expect((await t.claim(id)).runId).toBe(last.run!.id);
      await t.expectSound(id);
    });

    test('interrupt: an executor in the middle of its moves ends or is cancelled, never both', async () => {
      const { id } = await t.session({ run_policy: 'interrupt' });
      let ended = 0;
      for (let round = 0; round < 10; round += 1) {
        await t.post(id, `round ${round}`);
        const { runId, epoch, messageId } = await t.claim(id);
        const move = {
          epoch,
          ended: [{ step_index: 0, status: 'completed' as const, output: { text: 'x', tool_calls: [] } }],
          begun: [],
          message: { id: messageId!, content: 'x' },
          finish: { status: 'completed' as const },
        };
        const [advanced, posted] = await Promise.allSettled([
          advanceRun(t.ctx, id, runId, move, true),
          t.post(id, `interrupts ${round}`),
        ]);
        expect(posted.status).toBe('fulfilled');
        if (advanced.status === 'rejected') expect(advanced.reason).toMatchObject({ code: 'LEASE_LOST' });
        else ended += 1;
        await closeOpen(id);
      }
      expect(ended).toBeLessThanOrEqual(10);
      await t.expectSound(id);
    });

    test('the policy may change while others post: still one terminal event per run', async () => {
      const { id } = await t.session({ run_policy: 'queue' });
      for (let round = 0; round < 8; round += 1) {
        await updateSession(t.ctx, id, { run_policy: 'queue' });
        await t.post(id, `round ${round}`);
        const { runId, epoch } = await t.claim(id);
        const finish = { status: 'failed' as const, error: { code: 'X', message: 'x' } };
        const results = await Promise.allSettled([
          updateSession(t.ctx, id, { run_policy: 'interrupt' }),
          t.post(id, 'interrupts'),
          advanceRun(t.ctx, id, runId, { epoch, ended: [], begun: [], finish }, true),
        ]);
        for (const result of results) {
          if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'LEASE_LOST' });
        }
        await closeOpen(id);
      }
      await t.expectSound(id);
    });

    /** Ends whatever is queued, so that the next round begins with its own run. */
    async function closeOpen(id: string): Promise<void> {
      for (let left = await open(id); left > 0; left = await open(id)) {
        const { runId, epoch } = await t.claim(id);
        const finish = { status: 'completed' as const };
        await advanceRun(t.ctx, id, runId, { epoch, ended: [], begun: [], finish }, true);
      }
    }

    async function open(id: string): Promise<number> {
      return (await t.runs(id)).filter((run) => run.ended_at === null).length;
    }
  });
});
