import { postedMessageSchema, type Project } from '@holdfast/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  listMessages,
  makeAgent,
  makeProject,
  makeSession,
  readLog,
  say,
  sessionPath,
  waitForRun,
} from './support/api.ts';
import { dataOf, errorOf } from './support/expect.ts';
import { get, post, type Answer } from './support/http.ts';

let project: Project;
beforeAll(async () => {
  project = await makeProject('Messages');
});

const postedOf = (answer: Answer) => dataOf(answer, postedMessageSchema, answer.status === 200 ? 200 : 201);

describe('messages', () => {
  it('are in the log and in the list, in order', async () => {
    const session = await makeSession(project);
    for (const content of ['one', 'two', 'three']) await say(session, content);
    const messages = await listMessages(session);
    expect(messages.map(({ content, message_index, seq }) => [content, message_index, seq])).toEqual([
      ['one', 0, 2],
      ['two', 1, 3],
      ['three', 2, 4],
    ]);
    const [, event] = await readLog(session);
    expect(event).toMatchObject({
      type: 'message.created',
      seq: 2,
      data: { message_id: messages[0]?.id, role: 'user', content: 'one', run_id: null },
    });
  });

  it('keep every character', async () => {
    const session = await makeSession(project);
    const content = 'é 你好 👩‍🚀 \u202e \u2028 "quoted" \\ \t\r\n <b>&amp;</b> data: id: 9\n\n: x';
    await say(session, content);
    expect((await listMessages(session))[0]?.content).toBe(content);
    expect((await readLog(session))[1]?.data).toMatchObject({ content });
  });

  it('are listed by cursor without gap or repeat while new ones come', async () => {
    const session = await makeSession(project);
    for (let i = 0; i < 10; i++) await say(session, `m${i}`);
    const seen: number[] = [];
    for (let cursor: string | null = ''; cursor !== null && seen.length < 40;) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const answer = await get(sessionPath(session.id, `/messages?limit=3${query}`));
      const body = answer.json as {
        data: { message_index: number }[];
        pagination: { next_cursor: string | null };
      };
      seen.push(...body.data.map((message) => message.message_index));
      cursor = body.pagination.next_cursor;
      if (seen.length < 12) await say(session, 'later');
    }
    expect(seen).toEqual(seen.map((_, index) => index));
    expect(seen.length).toBeGreaterThanOrEqual(13);
  });

  it('posted at the same time get one order', async () => {
    const session = await makeSession(project);
    const posted = await Promise.all(Array.from({ length: 20 }, (_, i) => say(session, `m${i}`)));
    const log = await readLog(session);
    expect(log).toHaveLength(21);
    for (const { message } of posted) {
      expect(log[message.seq - 1]).toMatchObject({
        type: 'message.created',
        data: { message_id: message.id },
      });
      expect(message.message_index).toBe(message.seq - 2);
    }
  });

  it('of nobody known are refused', async () => {
    errorOf(await post(sessionPath(crypto.randomUUID(), '/messages'), { content: 'x' }), 404, 'NOT_FOUND');
  });

  it('up to the limit are taken, above it refused', async () => {
    const session = await makeSession(project);
    expect((await say(session, 'x'.repeat(100_000))).message.content).toHaveLength(100_000);
    errorOf(await post(sessionPath(session.id, '/messages'), { content: 'x'.repeat(100_001) }), 400);
    expect(await readLog(session)).toHaveLength(2);
  });

  it('that no event could hold are refused as a clear 4xx', async () => {
    const session = await makeSession(project);
    const answer = await post(sessionPath(session.id, '/messages'), { content: '\u4f60'.repeat(100_000) });
    if (answer.status === 201) expect(await readLog(session)).toHaveLength(2);
    else errorOf(answer);
    expect(answer.status).toBeLessThan(500);
  });
});

describe('sending twice is sending once', () => {
  it('by client_msg_id', async () => {
    const session = await makeSession(project);
    const body = { content: 'hello', client_msg_id: 'm-1' };
    const path = sessionPath(session.id, '/messages');
    const first = await post(path, body);
    const second = await post(path, body);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(postedOf(second)).toEqual({ ...postedOf(first), duplicate: true });
    errorOf(await post(path, { ...body, content: 'other' }), 422, 'IDEMPOTENCY_MISMATCH');
    expect(await readLog(session)).toHaveLength(2);
    const elsewhere = await makeSession(project);
    expect((await post(sessionPath(elsewhere.id, '/messages'), body)).status).toBe(201);
  });

  it('by Idempotency-Key', async () => {
    const session = await makeSession(project);
    const call = { headers: { 'idempotency-key': crypto.randomUUID() } };
    const path = sessionPath(session.id, '/messages');
    const first = await post(path, { content: 'hello' }, call);
    const second = await post(path, { content: 'hello' }, call);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(postedOf(second)).toEqual(postedOf(first));
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(second.headers['idempotency-replayed']).toBe('true');
    errorOf(await post(path, { content: 'other' }, call), 422, 'IDEMPOTENCY_MISMATCH');
    expect(await readLog(session)).toHaveLength(2);
  });

  it('for twins at the same time, with their one run', async () => {
    const agent = await makeAgent(project);
    const session = await makeSession(project, { agent_id: agent.id });
    const path = sessionPath(session.id, '/messages');
    const body = { content: 'hello', client_msg_id: crypto.randomUUID() };
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(path, body)));
    const posted = answers.map(postedOf);
    expect(posted.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(posted.map(({ message }) => message.id)).size).toBe(1);
    expect(new Set(posted.map(({ run }) => run?.id)).size).toBe(1);
    await waitForRun(posted[0]!.run!);
    const types = (await readLog(session)).map(({ type }) => type);
    expect(types.filter((type) => type === 'run.queued')).toHaveLength(1);

    const call = { headers: { 'idempotency-key': crypto.randomUUID() } };
    const twins = await Promise.all(
      Array.from({ length: 8 }, () => post(path, { content: 'again', run: false }, call)),
    );
    expect(new Set(twins.map((answer) => postedOf(answer).message.id)).size).toBe(1);
  });

  it('a refusal does not use up the key', async () => {
    const session = await makeSession(project);
    const call = { headers: { 'idempotency-key': crypto.randomUUID() } };
    const path = sessionPath(session.id, '/messages');
    errorOf(await post(path, { content: '' }, call), 400);
    expect((await post(path, { content: 'now' }, call)).status).toBe(201);
  });
});
