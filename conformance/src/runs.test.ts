import {
  messageDeltaSchema,
  runSchema,
  stepSchema,
  type ClientTool,
  type CreateAgent,
  type CreateSession,
  type LogEvent,
  type Project,
  type Run,
  type Session,
} from '@holdfast/protocol';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  ask,
  endingsOf,
  getRun,
  listAll,
  listMessages,
  makeAgent,
  makeProject,
  makeSession,
  readLog,
  runPath,
  say,
  sessionPath,
  stepsOf,
  upload,
  waitForClientTool,
  waitForRun,
} from './support/api.ts';
import { dataOf, errorOf } from './support/expect.ts';
import { followSse, followWs, type Follower } from './support/follow.ts';
import { post } from './support/http.ts';
import { LONG_QUESTION, uploadLongDocuments } from './support/model.ts';

const CLIENT_TOOL: ClientTool = {
  name: 'pick_file',
  executor: 'client',
  description: 'Asks the user for a file.',
  input_schema: { type: 'object' },
  timeout_seconds: 300,
};

let project: Project;
beforeAll(async () => {
  project = await makeProject('Runs');
  await uploadLongDocuments(project);
});

interface Setting {
  agent?: Partial<CreateAgent>;
  session?: Partial<CreateSession>;
}

async function sessionOf(tools: CreateAgent['tools'], { agent, session }: Setting = {}): Promise<Session> {
  const { id } = await makeAgent(project, { tools, ...agent });
  return makeSession(project, { agent_id: id, ...session });
}

const waitingSession = (
  session: Partial<CreateSession> = {},
  tool: Partial<ClientTool> = {},
): Promise<Session> => sessionOf([{ ...CLIENT_TOOL, ...tool }], { session });

async function follow(session: Session, options = {}): Promise<Follower> {
  const follower = await followSse(session.id, options);
  onTestFinished(() => follower.drop());
  return follower;
}

const dataOfEvent = (event: LogEvent | undefined) => (event?.data ?? {}) as Record<string, unknown>;
const typesOf = (events: readonly LogEvent[]): string[] => events.map(({ type }) => type);

describe('a run', () => {
  it('answers from the documents; each step is recorded', { timeout: 30_000 }, async () => {
    const own = await makeProject('Answers');
    await upload(own, 'tea.md', 'The samovar stands in the kitchen and is lit at five.\n');
    const agent = await makeAgent(own, { tools: ['search_documents'] });
    const session = await makeSession(own, { agent_id: agent.id });
    const run = await ask(session, 'Where does the samovar stand?');
    expect(run).toMatchObject({
      status: 'queued',
      session_id: session.id,
      agent_id: agent.id,
      executor: 'server',
    });
    const ended = await waitForRun(run);
    expect(ended).toMatchObject({ status: 'completed', error: null, recoveries: 0 });
    expect(ended.usage.output_tokens).toBeGreaterThan(0);
    const steps = await stepsOf(run);
    expect(steps.map(({ kind, name, status, attempt }) => [kind, name, status, attempt])).toEqual([
      ['model', 'offline', 'completed', 1],
      ['tool', 'search_documents', 'completed', 1],
      ['model', 'offline', 'completed', 1],
    ]);
    expect(new Set(steps.map(({ idempotency_key }) => idempotency_key)).size).toBe(3);
    const [, answer] = await listMessages(session);
    expect(answer).toMatchObject({ role: 'assistant', run_id: run.id });
    expect(answer?.content).toMatch(/samovar[^]*tea\.md|tea\.md[^]*samovar/);
    expect(typesOf(await readLog(session))).toEqual([
      'session.created',
      'message.created',
      'run.queued',
      'run.started',
      'step.started',
      'step.completed',
      'tool.called',
      'tool.completed',
      'step.started',
      'step.completed',
      'message.created',
      'run.completed',
    ]);
  });

  it('is started without a message, listed, and read', async () => {
    const session = await sessionOf([]);
    await say(session, 'hello', { run: false });
    const run = dataOf(await post(sessionPath(session.id, '/runs'), {}), runSchema, 201);
    expect(run.message_id).toBeNull();
    expect((await waitForRun(run)).status).toBe('completed');
    const again = await ask(session, 'hello');
    await waitForRun(again);
    const runs = await listAll(sessionPath(session.id, '/runs'), runSchema, 1);
    expect(runs.map(({ id }) => id)).toEqual([again.id, run.id]);
  });

  it('needs an agent', async () => {
    const session = await makeSession(project);
    expect((await say(session, 'hello')).run).toBeNull();
    errorOf(await post(sessionPath(session.id, '/runs'), {}), 400, 'VALIDATION_ERROR');
    errorOf(
      await post(sessionPath(session.id, '/runs'), { agent_id: crypto.randomUUID() }),
      404,
      'NOT_FOUND',
    );
  });

  it('is started once for one Idempotency-Key', async () => {
    const session = await sessionOf([]);
    const call = { headers: { 'idempotency-key': crypto.randomUUID() } };
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => post(sessionPath(session.id, '/runs'), {}, call)),
    );
    expect(new Set(answers.map((answer) => dataOf(answer, runSchema, 201).id)).size).toBe(1);
  });

  it('records what a tool failed with, and goes on', { timeout: 30_000 }, async () => {
    const session = await sessionOf(['calculate', 'fetch_url']);
    const run = await ask(
      session,
      '/calculate {"expression":"1 +"}\n/fetch_url {"url":"http://127.0.0.1:1/"}',
    );
    expect((await waitForRun(run)).status).toBe('completed');
    const tools = (await stepsOf(run)).filter(({ kind }) => kind === 'tool');
    expect(tools.map(({ name, status }) => [name, status])).toEqual([
      ['calculate', 'failed'],
      ['fetch_url', 'failed'],
    ]);
    expect(endingsOf(await readLog(session), run)).toEqual(['run.completed']);
  });

  it('over its step budget fails with the code that says so', { timeout: 30_000 }, async () => {
    const session = await sessionOf(['calculate'], {
      agent: { budgets: { steps: 2, tokens: 1000, seconds: 60 } },
    });
    const run = await ask(session, '/calculate {"expression":"1+1"}');
    const ended = await waitForRun(run);
    expect([ended.status, ended.error?.code]).toEqual(['failed', 'MAX_STEPS_EXCEEDED']);
    expect(endingsOf(await readLog(session), run)).toEqual(['run.failed']);
  });
});

describe('the stream of an answer', () => {
  it('is told in pieces without ids, which together are the answer', { timeout: 40_000 }, async () => {
    const session = await sessionOf(['search_documents']);
    const sse = await follow(session);
    const ws = await followWs(session.id);
    onTestFinished(() => ws.drop());
    const run = await ask(session, LONG_QUESTION);
    for (const { received } of [sse, ws]) {
      await received.until(
        () => received.events.some(({ type }) => type === 'run.completed'),
        'the end',
        30_000,
      );
      const message = received.events.findLast(({ type }) => type === 'message.created');
      const deltas = received.ephemeral
        .filter(({ type }) => type === 'message.delta')
        .map(({ data }) => messageDeltaSchema.parse(data));
      expect(deltas.length).toBeGreaterThan(10);
      expect(new Set(deltas.map(({ run_id }) => run_id))).toEqual(new Set([run.id]));
      let text = '';
      for (const delta of deltas) {
        expect(delta.offset).toBeLessThanOrEqual(text.length);
        text = text.slice(0, delta.offset) + delta.text;
      }
      expect(dataOfEvent(message)).toMatchObject({ message_id: deltas[0]?.message_id, content: text });
    }
    expect(ws.received.events).toEqual(sse.received.events);
  });

  it('goes on when its only follower is gone', { timeout: 40_000 }, async () => {
    const session = await sessionOf(['search_documents']);
    const first = await follow(session);
    const run = await ask(session, LONG_QUESTION);
    await first.received.until(() => first.received.ephemeral.length > 3, 'a piece of the answer');
    first.drop();
    const second = await follow(session, { lastEventId: first.received.lastId });
    await second.received.until(() => second.received.ephemeral.length > 0, 'the unfinished answer');
    second.drop();
    const ended = await waitForRun(run);
    expect([ended.status, ended.recoveries]).toEqual(['completed', 0]);
    const last = Math.max(first.received.lastId, second.received.lastId);
    const third = await follow(session, { lastEventId: last });
    const log = await readLog(session);
    await third.received.untilSeq(log.length);
    const all = [first, second, third].flatMap(({ received }) => received.ids);
    expect(all).toEqual(log.map(({ seq }) => seq));
  });

  it('is the whole answer for one who joins in the middle', { timeout: 40_000 }, async () => {
    const session = await sessionOf(['search_documents']);
    const first = await follow(session);
    await ask(session, LONG_QUESTION);
    await first.received.until(() => first.received.ephemeral.length > 8, 'a piece of the answer');
    const { received } = await follow(session);
    await received.until(
      () => received.events.some(({ type }) => type === 'run.completed'),
      'the end',
      30_000,
    );
    const deltas = received.ephemeral.map(({ data }) => messageDeltaSchema.parse(data));
    let text = '';
    for (const delta of deltas) {
      expect(delta.offset).toBeLessThanOrEqual(text.length);
      text = text.slice(0, delta.offset) + delta.text;
    }
    const message = received.events.findLast(({ type }) => type === 'message.created');
    expect(dataOfEvent(message)['content']).toBe(text);
  });
});

describe('cancelling', () => {
  it('ends a streaming run within a second, once', { timeout: 30_000 }, async () => {
    const session = await sessionOf(['search_documents']);
    const { received } = await follow(session);
    const run = await ask(session, LONG_QUESTION);
    await received.until(() => received.ephemeral.length > 3, 'a piece of the answer');
    const begun = performance.now();
    const cancelled = dataOf(await post(runPath(run, '/cancel'), { reason: 'enough' }), runSchema);
    await received.untilEvent('run.cancelled');
    expect(performance.now() - begun).toBeLessThan(1000);
    expect(cancelled).toMatchObject({ status: 'cancelled', cancel_reason: 'enough' });
    const pieces = received.ephemeral.length;
    await waitForRun(await ask(session, 'hello'));
    const log = await readLog(session);
    expect(endingsOf(log, run)).toEqual(['run.cancelled']);
    const superseded = log.find(({ type }) => type === 'message.superseded');
    expect(dataOfEvent(superseded)['run_id']).toBe(run.id);
    const late = received.ephemeral
      .slice(pieces)
      .filter(({ data }) => (data as { run_id: string }).run_id === run.id);
    expect(late.length).toBeLessThanOrEqual(2);
    const said = (await listMessages(session)).filter(({ run_id }) => run_id === run.id);
    expect(said.filter(({ content }) => content !== '')).toEqual([]);
  });

  it('again changes nothing; one that has ended refuses', { timeout: 30_000 }, async () => {
    const session = await waitingSession();
    const run = await ask(session, '/pick_file {}');
    await waitForClientTool(run);
    const once = dataOf(await post(runPath(run, '/cancel'), {}), runSchema);
    const log = await readLog(session);
    expect(dataOf(await post(runPath(run, '/cancel'), { reason: 'other' }), runSchema)).toEqual(once);
    expect(await readLog(session)).toEqual(log);
    const done = await ask(session, 'hello');
    await waitForRun(done);
    errorOf(await post(runPath(done, '/cancel'), {}), 409, 'RESOURCE_CONFLICT');
    errorOf(await post(runPath({ ...done, id: crypto.randomUUID() }, '/cancel'), {}), 404, 'NOT_FOUND');
  });

  it('from many sides at once is one cancellation', { timeout: 30_000 }, async () => {
    const session = await waitingSession();
    const run = await ask(session, '/pick_file {}');
    await waitForClientTool(run);
    const answers = await Promise.all(Array.from({ length: 6 }, () => post(runPath(run, '/cancel'), {})));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(endingsOf(await readLog(session), run)).toEqual(['run.cancelled']);
  });

  it('comes with closing the session', { timeout: 30_000 }, async () => {
    const session = await waitingSession();
    const runs = [await ask(session, '/pick_file {"a":1}'), await ask(session, '/pick_file {"a":2}')];
    await waitForClientTool(runs[0]!);
    await post(sessionPath(session.id, '/close'), {});
    const log = await readLog(session);
    for (const run of runs) expect(endingsOf(log, run)).toEqual(['run.cancelled']);
    expect(typesOf(log).at(-1)).toBe('session.closed');
  });
});

describe('a message while a run is active', () => {
  const start = async (run_policy: Session['run_policy']): Promise<{ session: Session; first: Run }> => {
    const session = await waitingSession({ run_policy });
    const first = await ask(session, '/pick_file {"a":1}');
    await waitForClientTool(first);
    return { session, first };
  };
  const finish = async (run: Run): Promise<void> => {
    const step = await waitForClientTool(run);
    dataOf(await post(runPath(run, `/steps/${step.step_index}/result`), { output: 'x' }), stepSchema);
    expect((await waitForRun(run)).status).toBe('completed');
  };

  it('queues: runs follow one another in order', { timeout: 40_000 }, async () => {
    const { session, first } = await start('queue');
    const second = await ask(session, '/pick_file {"a":2}');
    const third = await ask(session, 'hello');
    expect((await getRun(second)).status).toBe('queued');
    await finish(first);
    await finish(second);
    await waitForRun(third);
    const log = await readLog(session);
    const ends = log
      .filter(({ type }) => type === 'run.completed')
      .map((event) => dataOfEvent(event)['run_id']);
    expect(ends).toEqual([first.id, second.id, third.id]);
    for (const run of [second, third]) {
      const started = log.findIndex(
        (event) => event.type === 'run.started' && dataOfEvent(event)['run_id'] === run.id,
      );
      const before = ends.indexOf(run.id) - 1;
      expect(
        log.findIndex(
          (event) => event.type === 'run.completed' && dataOfEvent(event)['run_id'] === ends[before],
        ),
      ).toBeLessThan(started);
    }
  });

  it('rejects: nothing is written', { timeout: 30_000 }, async () => {
    const { session, first } = await start('reject');
    const log = await readLog(session);
    const answer = await post(sessionPath(session.id, '/messages'), { content: 'again' });
    expect(errorOf(answer, 409, 'RESOURCE_CONFLICT').details).toEqual({ run_id: first.id });
    errorOf(await post(sessionPath(session.id, '/runs'), {}), 409, 'RESOURCE_CONFLICT');
    expect(await readLog(session)).toEqual(log);
    await say(session, 'only a note', { run: false });
    await finish(first);
    expect((await say(session, 'hello')).run).not.toBeNull();
  });

  it('interrupts: the first run is cancelled, the second answers', { timeout: 30_000 }, async () => {
    const { session, first } = await start('interrupt');
    const second = await ask(session, 'hello');
    expect((await waitForRun(second)).status).toBe('completed');
    expect(await getRun(first)).toMatchObject({ status: 'cancelled' });
    const log = await readLog(session);
    expect(endingsOf(log, first)).toEqual(['run.cancelled']);
    expect(endingsOf(log, second)).toEqual(['run.completed']);
  });

  it('interrupts also in the middle of an answer', { timeout: 30_000 }, async () => {
    const session = await sessionOf(['search_documents'], { session: { run_policy: 'interrupt' } });
    const { received } = await follow(session);
    const first = await ask(session, LONG_QUESTION);
    await received.until(() => received.ephemeral.length > 3, 'a piece of the answer');
    const second = await ask(session, 'hello');
    expect((await waitForRun(second)).status).toBe('completed');
    expect(endingsOf(await readLog(session), first)).toEqual(['run.cancelled']);
  });
});

describe('client tools', () => {
  it('wait for the result that is posted, and go on', { timeout: 30_000 }, async () => {
    const session = await waitingSession();
    const { received } = await follow(session);
    const run = await ask(session, '/pick_file {"kind":"image"}');
    const called = await received.untilEvent('tool.called');
    expect(called.data).toMatchObject({
      run_id: run.id,
      tool: 'pick_file',
      executor: 'client',
      input: { kind: 'image' },
    });
    const deadline = Date.parse(String(dataOfEvent(called)['deadline_at']));
    expect(deadline).toBeGreaterThan(Date.now());
    const step = await waitForClientTool(run);
    const path = runPath(run, `/steps/${step.step_index}/result`);
    const ended = dataOf(await post(path, { output: { path: 'a.png', size: 1.5 } }), stepSchema);
    expect(ended).toMatchObject({ status: 'completed', output: { path: 'a.png', size: 1.5 } });
    expect((await waitForRun(run)).status).toBe('completed');
    expect((await listMessages(session)).at(-1)?.content).toContain('a.png');
    errorOf(await post(path, { output: 1 }), 409, 'RESOURCE_CONFLICT');
    expect(endingsOf(await readLog(session), run)).toEqual(['run.completed']);
  });

  it('may answer with an error', { timeout: 30_000 }, async () => {
    const session = await waitingSession();
    const run = await ask(session, '/pick_file {}');
    const step = await waitForClientTool(run);
    const path = runPath(run, `/steps/${step.step_index}/result`);
    errorOf(await post(path, {}), 400, 'VALIDATION_ERROR');
    errorOf(await post(path, { output: 1, error: 'x' }), 400, 'VALIDATION_ERROR');
    errorOf(await post(runPath(run, '/steps/999/result'), { output: 1 }), 404, 'NOT_FOUND');
    errorOf(await post(runPath(run, '/steps/0/result'), { output: 1 }), 409, 'RESOURCE_CONFLICT');
    expect(dataOf(await post(path, { error: 'no file chosen' }), stepSchema).status).toBe('failed');
    expect((await waitForRun(run)).status).toBe('completed');
    const completed = (await readLog(session)).find(({ type }) => type === 'tool.completed');
    expect(completed?.data).toMatchObject({ is_error: true });
  });

  it('take one result of several at once', { timeout: 30_000 }, async () => {
    const session = await waitingSession();
    const run = await ask(session, '/pick_file {}');
    const step = await waitForClientTool(run);
    const path = runPath(run, `/steps/${step.step_index}/result`);
    const answers = await Promise.all([1, 2, 3, 4, 5].map((output) => post(path, { output })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409, 409]);
    await waitForRun(run);
    const log = await readLog(session);
    expect(typesOf(log).filter((type) => type === 'tool.completed')).toHaveLength(1);
  });

  it('that nobody answers are a recorded failure, not a stuck session', { timeout: 30_000 }, async () => {
    const session = await waitingSession({}, { timeout_seconds: 1 });
    const run = await ask(session, '/pick_file {}');
    const ended = await waitForRun(run);
    expect(ended.status).toBe('completed');
    const step = (await stepsOf(run)).find(({ kind }) => kind === 'tool');
    expect(step).toMatchObject({ status: 'failed', output: { error: { code: 'TIMEOUT' } } });
    const log = await readLog(session);
    expect(log.find(({ type }) => type === 'tool.completed')?.data).toMatchObject({ is_error: true });
    expect(endingsOf(log, run)).toEqual(['run.completed']);
    errorOf(await post(runPath(run, `/steps/${step!.step_index}/result`), { output: 1 }), 409);
    expect((await waitForRun(await ask(session, 'hello'))).status).toBe('completed');
  });

  it('several of one answer are all waited for', { timeout: 30_000 }, async () => {
    const session = await waitingSession();
    const run = await ask(session, '/pick_file {"a":1}\n/pick_file {"a":2}');
    await waitForRun(run, ['waiting']);
    const waiting = (await stepsOf(run)).filter(({ status }) => status === 'waiting');
    expect(waiting).toHaveLength(2);
    const result = (index: number) =>
      post(runPath(run, `/steps/${waiting[index]!.step_index}/result`), { output: `file ${index}` });
    expect((await result(1)).status).toBe(200);
    expect((await getRun(run)).status).toBe('waiting');
    expect((await result(0)).status).toBe(200);
    expect((await waitForRun(run)).status).toBe('completed');
  });
});
