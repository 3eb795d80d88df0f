import { randomUUID } from 'node:crypto';
import type { EphemeralEvent, LogEvent } from '@holdfast/protocol';
import { describe, expect, test } from 'vitest';
import { applyDelta } from './event-data.ts';
import { createTranscript } from './transcript.ts';

const SESSION = randomUUID();
const RUN = randomUUID();
const AGENT = randomUUID();
const ANSWER = randomUUID();
const USAGE = { input_tokens: 3, output_tokens: 4 };

/** Events numbered as they are made. */
function story() {
  let seq = 0;
  const event = (type: string, data: unknown): LogEvent => ({
    seq: (seq += 1),
    type,
    session_id: SESSION,
    actor: 'key:a',
    client_msg_id: `c${seq}`,
    created_at: '2026-01-01T00:00:00.000Z',
    data,
  });
  const said = (role: string, content: string, message_id: string = randomUUID(), index = 0) =>
    event('message.created', {
      message_id,
      message_index: index,
      role,
      content,
      run_id: role === 'user' ? null : RUN,
      client_msg_id: null,
    });
  return { event, said };
}

const delta = (offset: number, text: string, message_id = ANSWER): EphemeralEvent => ({
  ephemeral: true,
  type: 'message.delta',
  session_id: SESSION,
  data: { message_id, run_id: RUN, offset, text },
});

const show = (transcript: ReturnType<typeof createTranscript>) =>
  transcript.state.messages.map(({ role, content, partial }) => `${role}: ${content}${partial ? ' …' : ''}`);

test.each<[string, string, { offset: number; text: string }, string | null]>([
  ['goes on', 'One ', { offset: 4, text: 'two' }, 'One two'],
  ['replaces all that stands behind its offset', 'One two', { offset: 4, text: 'too' }, 'One too'],
  ['begins anew', 'One two', { offset: 0, text: 'Uno' }, 'Uno'],
  ['counts UTF-16 units', '🚢 ', { offset: 3, text: 'a' }, '🚢 a'],
  ['cannot leave a hole', 'One', { offset: 4, text: 'two' }, null],
])('a delta %s', (_name, text, more, expected) => {
  expect(applyDelta(text, more)).toBe(expected);
});

describe('the conversation', () => {
  test('an answer grows and is then recorded', () => {
    const { said } = story();
    const transcript = createTranscript();
    transcript.applyAll([said('user', 'Hi'), delta(0, 'One '), delta(4, 'two'), delta(4, 'two')]);
    expect(show(transcript)).toEqual(['user: Hi', 'assistant: One two …']);
    transcript.apply(said('assistant', 'One two three.', ANSWER, 1));
    transcript.apply(delta(0, 'late'));
    expect(show(transcript)).toEqual(['user: Hi', 'assistant: One two three.']);
    expect(transcript.state.messages[1]).toMatchObject({
      id: ANSWER,
      index: 1,
      seq: 2,
      runId: RUN,
      partial: false,
    });
  });

  test('an answer joined in its middle is not shown until it is told from its start', () => {
    const transcript = createTranscript();
    transcript.apply(delta(4, 'two'));
    expect(show(transcript)).toEqual([]);
    transcript.apply(delta(0, 'One two'));
    expect(show(transcript)).toEqual(['assistant: One two …']);
  });

  test('a superseded answer is gone, and no late delta brings it back', () => {
    const { event } = story();
    const transcript = createTranscript();
    const next = randomUUID();
    transcript.applyAll([
      delta(0, 'One '),
      event('message.superseded', { message_id: ANSWER, run_id: RUN, reason: 'lost' }),
      delta(0, 'One two'),
      delta(0, 'Uno', next),
    ]);
    expect(show(transcript)).toEqual(['assistant: Uno …']);
  });

  test('a run that ends leaves nothing half-written', () => {
    const { event } = story();
    const transcript = createTranscript();
    transcript.apply(delta(0, 'One '));
    transcript.apply(event('run.cancelled', { run_id: RUN, steps: 1, usage: USAGE, reason: 'enough' }));
    expect(show(transcript)).toEqual([]);
    expect(transcript.state.runs).toMatchObject([{ id: RUN, status: 'cancelled', cancelReason: 'enough' }]);
  });

  test('an event taken twice changes nothing', () => {
    const { said } = story();
    const transcript = createTranscript();
    const hello = said('user', 'Hi');
    const state = transcript.apply(hello);
    expect(transcript.apply(hello)).toBe(state);
  });

  test('unknown events, and known ones with unknown data, only count', () => {
    const { event } = story();
    const transcript = createTranscript();
    transcript.applyAll([
      event('build.status', {}),
      event('run.failed', { odd: 1 }),
      event('constructor.x', {}),
    ]);
    expect(transcript.state).toMatchObject({ lastSeq: 3, messages: [], runs: [] });
  });

  test('what did not change stays the same object', () => {
    const { said, event } = story();
    const transcript = createTranscript();
    const before = transcript.apply(said('user', 'Hi'));
    const after = transcript.apply(event('run.queued', { run_id: RUN, agent_id: AGENT, message_id: null }));
    expect(after).not.toBe(before);
    expect(after.messages).toBe(before.messages);
    const later = transcript.apply(delta(0, 'One'));
    expect(later.runs).toBe(after.runs);
    expect(later.messages[0]).toBe(before.messages[0]);
    expect(before.messages).toHaveLength(1);
  });
});

describe('runs and the session', () => {
  const called = (step_index: number, executor: 'server' | 'client') => ({
    run_id: RUN,
    step_index,
    tool: 'look',
    call_id: `call${step_index}`,
    executor,
    idempotency_key: 'k',
    input: { q: 1 },
    deadline_at: null,
  });
  const done = (step_index: number, is_error = false) => ({
    run_id: RUN,
    step_index,
    tool: 'look',
    call_id: `call${step_index}`,
    is_error,
    output: { a: step_index },
  });

  test('a run from its queue to its end, with its tools', () => {
    const { event } = story();
    const transcript = createTranscript();
    const status = () => transcript.state.runs[0]!.status;
    transcript.apply(event('run.queued', { run_id: RUN, agent_id: AGENT, message_id: ANSWER }));
    expect(transcript.state.runs[0]).toMatchObject({ agentId: AGENT, messageId: ANSWER, status: 'queued' });
    transcript.apply(event('run.started', { run_id: RUN, epoch: 1, holder: 'server:a' }));
    transcript.apply(event('tool.called', called(1, 'server')));
    transcript.apply(event('tool.called', called(2, 'client')));
    expect(status()).toBe('running');
    transcript.apply(event('tool.completed', done(1)));
    expect(status()).toBe('waiting');
    transcript.apply(event('tool.completed', done(2, true)));
    expect(status()).toBe('running');
    transcript.apply(event('run.resumed', { run_id: RUN, epoch: 2, holder: 'server:b', from_step: 3 }));
    transcript.apply(event('run.completed', { run_id: RUN, steps: 4, usage: USAGE }));
    expect(transcript.state.runs).toMatchObject([
      {
        status: 'completed',
        usage: USAGE,
        holder: 'server:b',
        resumes: 1,
        tools: [
          { callId: 'call1', status: 'completed', output: { a: 1 }, input: { q: 1 } },
          { callId: 'call2', status: 'failed', output: { a: 2 } },
        ],
      },
    ]);
  });

  test('the session: title, silence, recovery, end', () => {
    const { event } = story();
    const transcript = createTranscript();
    const session = () => transcript.state.session;
    transcript.apply(
      event('session.created', { kind: 'chat', title: 'A', project_id: AGENT, agent_id: null }),
    );
    expect(session()).toEqual({ title: 'A', status: 'active', stalled: false, holder: null });
    transcript.apply(event('session.updated', { changes: { title: 'B' } }));
    transcript.apply(event('session.stalled', { epoch: 1, holder: 'a', last_heartbeat: 'x' }));
    expect(session()).toMatchObject({ title: 'B', stalled: true });
    transcript.apply(event('session.recovered', { epoch: 2, from_epoch: 1, holder: 'b' }));
    expect(session()).toMatchObject({ stalled: false, holder: 'b' });
    transcript.apply(event('session.closed', { status: 'completed', reason: null }));
    expect(session()).toMatchObject({ status: 'completed', holder: null });
  });
});
