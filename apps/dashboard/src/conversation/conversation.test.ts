import { randomUUID } from 'node:crypto';
import type { LogEvent } from '@holdfast/protocol';
import { describe, expect, test } from 'vitest';
import { Conversation } from './conversation.ts';

const RUN = randomUUID();
const ANSWER = randomUUID();
const USAGE = { input_tokens: 1, output_tokens: 1 };

function event(seq: number, type: string, data: Record<string, unknown>): LogEvent {
  const created_at = '2026-01-01T00:00:00.000Z';
  return { seq, type, session_id: RUN, actor: 'server:a', client_msg_id: `c${seq}`, created_at, data };
}
const delta = (offset: number, text: string, message_id = ANSWER) => ({
  message_id,
  run_id: RUN,
  offset,
  text,
});
const started = event(3, 'step.started', {
  run_id: RUN,
  step_index: 0,
  kind: 'model',
  message_id: ANSWER,
  model: 'offline',
});
const created = event(5, 'message.created', {
  message_id: ANSWER,
  message_index: 1,
  role: 'assistant',
  content: 'One two.',
  run_id: RUN,
  client_msg_id: null,
});
const called = event(4, 'tool.called', {
  run_id: RUN,
  step_index: 1,
  tool: 'calculate',
  call_id: 'c',
  executor: 'server',
  idempotency_key: 'k',
  input: { expression: '1+1' },
  deadline_at: null,
});
const answered = event(6, 'tool.completed', {
  run_id: RUN,
  step_index: 1,
  tool: 'calculate',
  call_id: 'c',
  is_error: false,
  output: 2,
});

const show = (conversation: Conversation): string[] =>
  conversation.items.map((item) => {
    if (item.kind === 'message') return `${item.partial ? 'partial ' : ''}${item.content}`;
    return item.kind === 'tool' ? `${item.tool} ${item.status}` : item.text;
  });

describe('an answer', () => {
  test('grows by its deltas, whatever comes twice, and is then what was recorded', () => {
    const conversation = new Conversation();
    conversation.addEvent(started);
    expect(show(conversation)).toEqual(['partial ']);
    for (const [offset, text] of [
      [0, 'One '],
      [0, 'One '],
      [4, 'two'],
      [20, 'lost'],
    ] as const)
      conversation.addDelta(delta(offset, text));
    expect(show(conversation)).toEqual(['partial One two']);
    conversation.addEvent(created);
    conversation.addDelta(delta(0, 'late'));
    expect(show(conversation)).toEqual(['One two.']);
  });

  test('that is superseded is gone, says so, and does not come back by a late delta', () => {
    const conversation = new Conversation();
    conversation.addEvent(started);
    conversation.addDelta(delta(0, 'One '));
    conversation.addEvent(
      event(4, 'message.superseded', { message_id: ANSWER, run_id: RUN, reason: 'lost' }),
    );
    conversation.addDelta(delta(0, 'One two'));
    expect(show(conversation)).toEqual(['An unfinished answer was dropped (lost).']);
  });

  test('is given up with its run, and so is a tool that was running', () => {
    const conversation = new Conversation();
    conversation.addEvent(started);
    conversation.addEvent(called);
    conversation.addDelta(delta(0, 'One '));
    const data = { run_id: RUN, steps: 1, usage: USAGE, reason: 'enough' };
    conversation.addEvent(event(7, 'run.cancelled', data));
    expect(show(conversation)).toEqual(['calculate stopped', 'The run was cancelled: enough.']);
  });
});

test('events in any order make the same conversation', () => {
  const forwards = new Conversation();
  const backwards = new Conversation();
  const all = [started, called, created, answered];
  for (const one of all) forwards.addEvent(one);
  for (const one of all.toReversed()) backwards.addEvent(one);
  expect(show(forwards)).toEqual(['calculate done', 'One two.']);
  expect(show(backwards)).toEqual(show(forwards));
});

test('the open run is what the newest event about it says', () => {
  const conversation = new Conversation();
  const holder = { epoch: 1, holder: 'server:a' };
  conversation.addEvent(event(9, 'run.completed', { run_id: RUN, steps: 1, usage: USAGE }));
  conversation.addEvent(event(2, 'run.started', { run_id: RUN, ...holder }));
  expect(conversation.openRun).toBeNull();
  const next = randomUUID();
  conversation.addEvent(event(10, 'run.queued', { run_id: next, agent_id: RUN, message_id: null }));
  expect(conversation.openRun).toMatchObject({ id: next, status: 'queued' });
});

test('unknown events, and known ones with unknown data, are passed over', () => {
  const conversation = new Conversation();
  conversation.addEvent(event(1, 'build.status', { state: 'green' }));
  conversation.addEvent(event(2, 'message.created', { odd: true }));
  conversation.addEvent(event(3, 'run.failed', { odd: true }));
  expect(show(conversation)).toEqual([]);
  expect(conversation.openRun).toBeNull();
});
