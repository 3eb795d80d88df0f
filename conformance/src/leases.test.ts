import {
  advancedRunSchema,
  appendedEventsSchema,
  heartbeatReplySchema,
  leaseSchema,
  sessionSchema,
  type Lease,
  type Project,
  type Run,
  type Session,
} from '@holdfast/protocol';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  ask,
  endingsOf,
  getRun,
  listMessages,
  makeAgent,
  makeProject,
  makeSession,
  readLog,
  runPath,
  sessionPath,
  stepsOf,
} from './support/api.ts';
import { dataOf, errorOf, fieldsOf } from './support/expect.ts';
import { followSse, type Follower } from './support/follow.ts';
import { get, post, type Answer } from './support/http.ts';

/** Long enough for any test that does not want its lease to run out. */
const LONG_TTL_MS = 600_000;
const SHORT_TTL_MS = 1000;

let project: Project;
beforeAll(async () => {
  project = await makeProject('Leases');
});

const claimCall = (session: Session, holder: string, ttl_ms = LONG_TTL_MS): Promise<Answer> =>
  post(sessionPath(session.id, '/lease'), { holder, ttl_ms });
const claim = async (session: Session, holder: string, ttl_ms?: number): Promise<Lease> =>
  dataOf(await claimCall(session, holder, ttl_ms), leaseSchema, 201);
const beat = (session: Session, epoch: number): Promise<Answer> =>
  post(sessionPath(session.id, '/lease/heartbeat'), { epoch });
const release = (session: Session, epoch: number): Promise<Answer> =>
  post(sessionPath(session.id, '/lease/release'), { epoch });
const append = (session: Session, epoch: number, events: unknown[]): Promise<Answer> =>
  post(sessionPath(session.id, '/events'), { epoch, events });
const stateOf = async (session: Session) => dataOf(await get(sessionPath(session.id)), sessionSchema).lease;

async function follow(session: Session): Promise<Follower> {
  const follower = await followSse(session.id);
  onTestFinished(() => follower.drop());
  return follower;
}

describe('a lease', () => {
  it('is claimed, kept and given back; the log tells of it', async () => {
    const session = await makeSession(project);
    const lease = await claim(session, 'window-1');
    expect(lease).toMatchObject({
      session_id: session.id,
      epoch: 1,
      holder: 'window-1',
      ttl_ms: LONG_TTL_MS,
    });
    expect(lease.run).toBeNull();
    expect(lease.next_heartbeat_ms).toBeLessThan(lease.ttl_ms);
    expect(await stateOf(session)).toMatchObject({ epoch: 1, state: 'held', holder: 'window-1' });
    const beaten = dataOf(await beat(session, 1), heartbeatReplySchema);
    expect(Date.parse(beaten.last_heartbeat)).toBeGreaterThan(0);
    const gone = await release(session, 1);
    expect([gone.status, gone.text]).toEqual([204, '']);
    expect(await stateOf(session)).toMatchObject({ epoch: 1, state: 'free', holder: null });
    const log = await readLog(session);
    expect(log.slice(1).map(({ type, data }) => [type, data])).toEqual([
      ['lease.claimed', { epoch: 1, holder: 'window-1', ttl_ms: LONG_TTL_MS }],
      ['lease.released', { epoch: 1, holder: 'window-1' }],
    ]);
  });

  it('is refused while another holder is alive', async () => {
    const session = await makeSession(project);
    await claim(session, 'one');
    const { details } = errorOf(await claimCall(session, 'two'), 409, 'RESOURCE_CONFLICT');
    expect(details).toMatchObject({ holder: 'one', epoch: 1 });
    expect((await claim(session, 'one')).epoch).toBe(2);
  });

  it('goes to one of many that claim at once', async () => {
    const session = await makeSession(project);
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => claimCall(session, `holder-${i}`)));
    const won = answers.filter(({ status }) => status === 201);
    expect(won).toHaveLength(1);
    for (const answer of answers) if (answer !== won[0]) errorOf(answer, 409, 'RESOURCE_CONFLICT');
    const types = (await readLog(session)).map(({ type }) => type);
    expect(types).toEqual(['session.created', 'lease.claimed']);
  });

  it.each([
    [{}, ['holder']],
    [{ holder: 'has space' }, ['holder']],
    [{ holder: 'server:me' }, ['holder']],
    [{ holder: 'h', ttl_ms: 999 }, ['ttl_ms']],
    [{ holder: 'h', ttl_ms: 86_400_001 }, ['ttl_ms']],
    [{ holder: 'h', ttl_ms: '5000' }, ['ttl_ms']],
  ])('is refused for %j', async (body, fields) => {
    const session = await makeSession(project);
    expect(fieldsOf(await post(sessionPath(session.id, '/lease'), body))).toEqual(fields);
  });
});

describe('fencing', () => {
  it('refuses every write under an old epoch, and writes nothing', async () => {
    const session = await makeSession(project);
    const { epoch } = await claim(session, 'one');
    await release(session, epoch);
    await claim(session, 'two');
    const log = await readLog(session);
    for (const old of [epoch, 99]) {
      const refused = [
        await beat(session, old),
        await release(session, old),
        await append(session, old, [{ type: 'build.started' }]),
        await append(session, old, [{ type: 'build.progress', ephemeral: true }]),
      ];
      const [beaten, released] = refused.map((answer) => errorOf(answer, 409, 'LEASE_LOST').details);
      expect([beaten, released]).toEqual(Array(2).fill({ epoch: 2, state: 'held' }));
    }
    expect(await readLog(session)).toEqual(log);
  });

  it('refuses a write when nobody holds the session', async () => {
    const session = await makeSession(project);
    errorOf(await append(session, 1, [{ type: 'build.started' }]), 409, 'LEASE_LOST');
    const { epoch } = await claim(session, 'one');
    await release(session, epoch);
    errorOf(await append(session, epoch, [{ type: 'build.started' }]), 409, 'LEASE_LOST');
    errorOf(await beat(session, epoch), 409, 'LEASE_LOST');
  });
});

describe("a holder's events", () => {
  it('are in the log once; broadcast-only ones are not', async () => {
    const session = await makeSession(project);
    const { received } = await follow(session);
    const { epoch } = await claim(session, 'ci');
    const events = [
      { type: 'build.started', data: { target: 'all' }, client_msg_id: 'b-1' },
      { type: 'build.progress', data: { percent: 50 }, ephemeral: true },
      { type: 'build.ended', client_msg_id: 'b-2' },
    ];
    const first = dataOf(await append(session, epoch, events), appendedEventsSchema, 201);
    expect(first.events).toEqual([
      { seq: 3, duplicate: false },
      { seq: null, duplicate: false },
      { seq: 4, duplicate: false },
    ]);
    const second = dataOf(await append(session, epoch, events), appendedEventsSchema, 201);
    expect(second.events[0]).toEqual({ seq: 3, duplicate: true });
    expect(second.events[2]).toEqual({ seq: 4, duplicate: true });
    const log = await readLog(session);
    expect(log.map(({ type }) => type)).toEqual([
      'session.created',
      'lease.claimed',
      'build.started',
      'build.ended',
    ]);
    expect(log[2]).toMatchObject({ data: { target: 'all' }, client_msg_id: 'b-1' });
    await received.untilSeq(4);
    await received.until(() => received.ephemeral.length > 0, 'the broadcast');
    expect(received.ephemeral[0]).toMatchObject({ type: 'build.progress', data: { percent: 50 } });
    expect(received.events).toEqual(log);
  });

  it.each([
    'session.closed',
    'run.completed',
    'message.created',
    'lease.claimed',
    'step.completed',
    'tool.called',
  ])('cannot be of the reserved type %s', async (type) => {
    const session = await makeSession(project);
    const { epoch } = await claim(session, 'ci');
    expect(fieldsOf(await append(session, epoch, [{ type: 'a.b' }, { type }]))).toEqual(['events.1.type']);
    expect(await readLog(session)).toHaveLength(2);
  });

  it('that are too large are refused', async () => {
    const session = await makeSession(project);
    const { epoch } = await claim(session, 'ci');
    const answer = await append(session, epoch, [{ type: 'a.b', data: { text: 'x'.repeat(300_000) } }]);
    expect(errorOf(answer).statusCode).toBeLessThan(500);
    expect(await readLog(session)).toHaveLength(2);
  });
});

describe('a silent holder', () => {
  it('stalls, is seen to by a follower, and is replaced by another', { timeout: 60_000 }, async () => {
    const session = await makeSession(project);
    const { received } = await follow(session);
    const first = await claim(session, 'one', SHORT_TTL_MS);
    const stalled = await received.until(
      () => received.events.find(({ type }) => type === 'session.stalled'),
      'session.stalled',
      40_000,
    );
    expect(stalled.data).toMatchObject({ epoch: first.epoch, holder: 'one' });
    expect((await stateOf(session)).state).toBe('stalled');
    errorOf(await append(session, first.epoch, [{ type: 'a.b' }]), 409, 'LEASE_LOST');
    const second = await claim(session, 'two');
    expect(second.epoch).toBe(first.epoch + 1);
    const recovered = await received.untilEvent('session.recovered');
    expect(recovered.data).toEqual({ epoch: second.epoch, from_epoch: first.epoch, holder: 'two' });
    errorOf(await beat(session, first.epoch), 409, 'LEASE_LOST');
    errorOf(await append(session, first.epoch, [{ type: 'a.b' }]), 409, 'LEASE_LOST');
    const types = (await readLog(session)).map(({ type }) => type);
    expect(types.filter((type) => type === 'session.stalled')).toHaveLength(1);
    expect(types.filter((type) => type === 'session.recovered')).toHaveLength(1);
  });

  it('that speaks again before anybody took over goes on', { timeout: 60_000 }, async () => {
    const session = await makeSession(project);
    const { received } = await follow(session);
    const { epoch } = await claim(session, 'one', SHORT_TTL_MS);
    await received.until(
      () => received.events.some(({ type }) => type === 'session.stalled'),
      'the stall',
      40_000,
    );
    dataOf(await beat(session, epoch), heartbeatReplySchema);
    expect((await received.untilEvent('session.recovered')).data).toEqual({
      epoch,
      from_epoch: epoch,
      holder: 'one',
    });
    expect((await append(session, epoch, [{ type: 'a.b' }])).status).toBe(201);
  });
});

describe('an outside holder', () => {
  async function begin(): Promise<{ session: Session; run: Run; lease: Lease }> {
    const agent = await makeAgent(project);
    const session = await makeSession(project, { agent_id: agent.id, executor: 'external' });
    const run = await ask(session, 'Please do it.');
    expect(run).toMatchObject({ executor: 'external', status: 'queued' });
    return { session, run, lease: await claim(session, 'slot-1') };
  }
  const advance = (run: Run, epoch: number, move: Record<string, unknown>, headers = {}): Promise<Answer> =>
    post(runPath(run, '/steps'), { epoch, ...move }, { headers });

  it('executes a run step by step', async () => {
    const { session, run, lease } = await begin();
    expect(lease.run).toMatchObject({ id: run.id });
    const { epoch } = lease;
    const message_id = crypto.randomUUID();
    const begun = dataOf(
      await advance(run, epoch, { begun: [{ kind: 'model', name: 'mine', message_id }] }),
      advancedRunSchema,
    );
    expect(begun).toMatchObject({ begun: [0], run: { status: 'running', step_count: 1 } });
    const usage = { input_tokens: 5, output_tokens: 7 };
    const tool = { kind: 'tool', name: 'compile', call_id: 'c1', input: { file: 'a.c' } };
    const second = await advance(run, epoch, { ended: [{ step_index: 0, usage }], begun: [tool] });
    expect(dataOf(second, advancedRunSchema).begun).toEqual([1]);
    const last = await advance(run, epoch, {
      ended: [{ step_index: 1, output: { ok: true } }],
      message: { id: message_id, content: 'Done.' },
      finish: { status: 'completed' },
    });
    expect(dataOf(last, advancedRunSchema).run).toMatchObject({ status: 'completed', usage });
    const steps = await stepsOf(run);
    expect(steps.map(({ kind, name, status }) => [kind, name, status])).toEqual([
      ['model', 'mine', 'completed'],
      ['tool', 'compile', 'completed'],
    ]);
    expect((await listMessages(session)).at(-1)).toMatchObject({
      id: message_id,
      content: 'Done.',
      run_id: run.id,
    });
    expect(endingsOf(await readLog(session), run)).toEqual(['run.completed']);
    errorOf(await advance(run, epoch, { finish: { status: 'completed' } }), 409, 'RESOURCE_CONFLICT');
  });

  it('may fail the run', async () => {
    const { session, run, lease } = await begin();
    const error = { code: 'OUT_OF_PAPER', message: 'No paper.' };
    const answer = await advance(run, lease.epoch, { finish: { status: 'failed', error } });
    expect(dataOf(answer, advancedRunSchema).run).toMatchObject({ status: 'failed', error });
    expect(endingsOf(await readLog(session), run)).toEqual(['run.failed']);
  });

  it('is fenced: a move under an old epoch is refused as a whole', async () => {
    const { session, run, lease } = await begin();
    await release(session, lease.epoch);
    const next = await claim(session, 'slot-2');
    const log = await readLog(session);
    const move = { message: { content: 'From the dead.' }, finish: { status: 'completed' } };
    errorOf(await advance(run, lease.epoch, move), 409, 'LEASE_LOST');
    expect(await readLog(session)).toEqual(log);
    expect((await getRun(run)).ended_at).toBeNull();
    expect((await advance(run, next.epoch, move)).status).toBe(200);
    expect(endingsOf(await readLog(session), run)).toEqual(['run.completed']);
  });

  it.each([
    ['a step that is not there', { ended: [{ step_index: 7 }] }, 409],
    ['the same step twice', { ended: [{ step_index: 0 }, { step_index: 0 }] }, 409],
    [
      'an end that begins something',
      { begun: [{ kind: 'tool', name: 'x', call_id: 'c', input: 1 }], finish: { status: 'completed' } },
      400,
    ],
    ['a failure without its error', { finish: { status: 'failed' } }, 400],
    ['an unknown kind', { begun: [{ kind: 'dream', name: 'x' }] }, 400],
    ['a huge index', { ended: [{ step_index: 1e15 }] }, [400, 409]],
  ])('is refused as a whole for %s', async (_what, move, status) => {
    const { session, run, lease } = await begin();
    const step = { kind: 'model', name: 'mine', message_id: crypto.randomUUID() };
    dataOf(await advance(run, lease.epoch, { begun: [step] }), advancedRunSchema);
    const log = await readLog(session);
    const answer = await advance(run, lease.epoch, { message: { content: 'half' }, ...move });
    expect([status].flat()).toContain(errorOf(answer).statusCode);
    expect(await readLog(session)).toEqual(log);
  });

  it('repeats a move safely with an Idempotency-Key', async () => {
    const { session, run, lease } = await begin();
    const headers = { 'idempotency-key': crypto.randomUUID() };
    const move = { begun: [{ kind: 'tool', name: 'x', call_id: 'c', input: null }] };
    const answers = await Promise.all([1, 2, 3].map(() => advance(run, lease.epoch, move, headers)));
    for (const answer of answers) expect(dataOf(answer, advancedRunSchema).begun).toEqual([0]);
    expect(await stepsOf(run)).toHaveLength(1);
    expect((await readLog(session)).filter(({ type }) => type === 'tool.called')).toHaveLength(1);
  });

  it('dies, and its successor goes on from the last recorded step', { timeout: 60_000 }, async () => {
    const agent = await makeAgent(project);
    const session = await makeSession(project, { agent_id: agent.id, executor: 'external' });
    const { received } = await follow(session);
    const run = await ask(session, 'Please do it.');
    const first = await claim(session, 'slot-1', SHORT_TTL_MS);
    const step = { kind: 'tool', name: 'compile', call_id: 'c1', input: {}, policy: 'retry' };
    dataOf(await advance(run, first.epoch, { begun: [step] }), advancedRunSchema);
    await received.until(
      () => received.events.some(({ type }) => type === 'session.stalled'),
      'the stall',
      40_000,
    );
    const second = await claim(session, 'slot-2');
    expect(second.run).toMatchObject({ id: run.id, recoveries: 1 });
    expect(second.steps).toMatchObject([{ step_index: 0, name: 'compile', attempt: 2, status: 'started' }]);
    const [before] = await stepsOf(run);
    expect(second.steps[0]?.idempotency_key).toBe(before?.idempotency_key);
    errorOf(await advance(run, first.epoch, { ended: [{ step_index: 0 }] }), 409, 'LEASE_LOST');
    const done = await advance(run, second.epoch, {
      ended: [{ step_index: 0 }],
      finish: { status: 'completed' },
    });
    expect(done.status).toBe(200);
    const log = await readLog(session);
    expect(endingsOf(log, run)).toEqual(['run.completed']);
    expect(log.map(({ type }) => type)).toContain('run.resumed');
    await received.untilSeq(log.length);
    expect(received.events).toEqual(log);
  });
});
