import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Screen } from './screen.ts';
import { Transcript, type FollowItem } from './transcript.ts';

const RUN = randomUUID();
const ANSWER = randomUUID();

const delta = (offset: number, text: string, message_id = ANSWER): FollowItem => ({
  kind: 'delta',
  delta: { message_id, run_id: RUN, offset, text },
});

function event(type: string, data: unknown, seq = 10): FollowItem {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    kind: 'event',
    event: { seq, type, session_id: RUN, actor: 'server:a', client_msg_id: 'x', created_at: at, data },
  };
}

const created = (content: string, over: Record<string, unknown> = {}): FollowItem =>
  event('message.created', {
    message_id: ANSWER,
    message_index: 1,
    role: 'assistant',
    content,
    run_id: RUN,
    client_msg_id: null,
    ...over,
  });
const superseded = event('message.superseded', { message_id: ANSWER, run_id: RUN, reason: 'lost' });

/** What a reader sees after these items. */
function show(items: readonly FollowItem[], transcript = new Transcript({ live: true })): string {
  let text = '';
  const out = { write: (part: string) => (text += part) };
  const screen = new Screen({ out, notes: out, color: false });
  for (const item of items) screen.print(transcript.take(item));
  return text;
}

describe('an answer that is being written', () => {
  test.each<[string, FollowItem[]]>([
    ['in order', [delta(0, 'One '), delta(4, 'two '), delta(8, 'three.')]],
    ['with a delta twice', [delta(0, 'One '), delta(4, 'two '), delta(4, 'two '), delta(8, 'three.')]],
    ['with an overlapping delta', [delta(0, 'One tw'), delta(4, 'two three.')]],
    ['with a gap that is never filled', [delta(0, 'One '), delta(8, 'three.')]],
    ['joined in its middle', [delta(4, 'two '), delta(8, 'three.')]],
    ['told again from its start', [delta(0, 'One '), delta(4, 'two '), delta(0, 'One two thr')]],
    ['told again, shorter', [delta(0, 'One '), delta(4, 'two '), delta(0, 'One ')]],
    ['of which nothing came', []],
    ['with deltas after its end', [created('One two three.'), delta(0, 'One '), delta(4, 'two')]],
  ])('%s is shown once and whole', (_name, items) => {
    const recorded = items.some(({ kind }) => kind === 'event') ? [] : [created('One two three.')];
    expect(show([...items, ...recorded])).toBe('One two three.\n');
  });

  test('that starts anew with other words is marked', () => {
    expect(show([delta(0, 'One '), delta(0, 'Uno '), created('Uno due.')])).toBe(
      'One \n[the answer begins again]\nUno due.\n',
    );
  });

  test('that was recorded with other words is shown as it was recorded', () => {
    expect(show([delta(0, 'One '), created('Uno.')])).toBe('One \n[the answer as it was recorded:]\nUno.\n');
  });

  test('that is superseded is marked, and its late deltas are nothing', () => {
    const next = randomUUID();
    const items = [delta(0, 'One '), superseded, delta(4, 'two'), delta(0, 'One two', next)];
    expect(show([...items, created('One two.', { message_id: next })])).toBe(
      'One \n[the unfinished answer above is dropped: lost]\nOne two.\n',
    );
  });

  test('and is superseded before a word of it was seen needs no mark', () => {
    expect(show([superseded])).toBe('');
  });

  test('is kept back until it is recorded where half of it could not be taken back', () => {
    const transcript = new Transcript({ live: false });
    const next = randomUUID();
    const items = [delta(0, 'One '), superseded, delta(0, 'One', next)];
    expect(show([...items, created('One two.', { message_id: next })], transcript)).toBe('One two.\n');
  });
});

describe('lines', () => {
  test('our own message is not repeated, those of others are', () => {
    const transcript = new Transcript({ live: true });
    transcript.expectOwn('mine');
    const said = (client_msg_id: string, content: string) =>
      created(content, { role: 'user', message_id: randomUUID(), client_msg_id });
    expect(show([said('mine', 'hello'), said('other', 'me too')], transcript)).toBe('user: me too\n');
  });

  test('the past is told without its tools, the present with them', () => {
    const called = (seq: number): FollowItem =>
      event(
        'tool.called',
        {
          run_id: RUN,
          step_index: 1,
          tool: 'calculate',
          call_id: 'c',
          executor: 'server',
          idempotency_key: 'k',
          input: { expression: '1+1' },
          deadline_at: null,
        },
        seq,
      );
    const transcript = new Transcript({ live: true, historyUntil: 5 });
    expect(show([called(5), called(6)], transcript)).toBe('→ calculate {"expression":"1+1"}\n');
  });

  test('a failed run says why', () => {
    const error = { code: 'LLM_ERROR', message: 'No model answered.' };
    const data = { run_id: RUN, steps: 1, usage: { input_tokens: 0, output_tokens: 0 }, error };
    expect(show([event('run.failed', data)])).toBe('The run failed: No model answered. (LLM_ERROR)\n');
  });

  test('unknown events, and known ones with unknown data, are passed over', () => {
    expect(show([event('build.status', { state: 'green' }), event('run.failed', { odd: true })])).toBe('');
    expect(show([event('constructor', {})])).toBe('');
  });

  test('a lost connection does not stand in the middle of a line', () => {
    expect(show([delta(0, 'One '), { kind: 'lost' }, { kind: 'back' }])).toBe(
      'One \nconnection lost, retrying …\nconnected again\n',
    );
  });

  test('text cannot take over the terminal', () => {
    expect(show([created('\x1b[2Jgone\x07\u009b1m\tok\r\nend')])).toBe('[2Jgone1m\tok\nend\n');
  });
});
