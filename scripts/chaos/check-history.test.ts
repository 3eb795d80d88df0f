import type { Message, Run } from '@holdfast/protocol';
import { describe, expect, test } from 'vitest';
import { checkHistory } from './check-history.ts';
import type { AnyEvent, SessionHistory } from './history.ts';

const RUN = 'run-1';
const ANSWER = 'answer-2';

/** A session in which a run was interrupted once, and an outside holder noted something. */
const SCRIPT: [type: string, data: Record<string, unknown>][] = [
  ['session.created', { title: 'demo' }],
  ['message.created', { message_id: 'question', message_index: 0, role: 'user', content: 'Hello?' }],
  ['run.queued', { run_id: RUN, message_id: 'question' }],
  ['run.started', { run_id: RUN, epoch: 1, holder: 'server:a' }],
  ['step.started', { run_id: RUN, step_index: 0, message_id: 'answer-1' }],
  ['session.stalled', { epoch: 1, holder: 'server:a' }],
  ['session.recovered', { epoch: 2, from_epoch: 1, holder: 'server:b' }],
  ['run.resumed', { run_id: RUN, epoch: 2, holder: 'server:b' }],
  ['message.superseded', { run_id: RUN, message_id: 'answer-1' }],
  ['step.started', { run_id: RUN, step_index: 0, message_id: ANSWER }],
  ['step.completed', { run_id: RUN, step_index: 0, message_id: ANSWER }],
  ['message.created', { message_id: ANSWER, message_index: 1, run_id: RUN, content: 'Good day.' }],
  ['run.completed', { run_id: RUN }],
  ['lease.claimed', { epoch: 3, holder: 'window' }],
  ['work.noted', { epoch: 3, note: 'n' }],
];

const number = (script: typeof SCRIPT): AnyEvent[] =>
  script.map(([type, data], index) => ({
    seq: index + 1,
    type,
    session_id: 's',
    actor: 'a',
    client_msg_id: `c${index + 1}`,
    created_at: '2026-01-01T00:00:00.000Z',
    data,
  }));

const follow = (log: readonly AnyEvent[]) => ({
  name: 'follower',
  received: log.map((event) => ({ id: event.seq, json: JSON.stringify(event) })),
  deltas: [
    { messageId: 'answer-1', offset: 0, text: 'Goo' },
    { messageId: ANSWER, offset: 5, text: 'day' },
  ],
});

function history(script = SCRIPT): SessionHistory {
  const log = number(script);
  const messages = log
    .filter(({ type }) => type === 'message.created')
    .map(({ data, seq }) => ({ ...data, id: data['message_id'], seq }) as unknown as Message);
  return {
    sessionId: 's',
    name: 'demo',
    log,
    lastSeq: log.length,
    messages,
    runs: [{ id: RUN, status: 'completed' } as Run],
    expected: [
      { what: 'note', times: 1, type: 'work.noted', clientMsgId: 'c15', data: { note: 'n' }, seq: 15 },
      { what: 'refused note', times: 0, type: 'work.noted', clientMsgId: 'late' },
    ],
    follows: [follow(log)],
  };
}

const rulesOf = (broken: SessionHistory): string[] => [
  ...new Set(checkHistory([broken]).map(({ rule }) => rule)),
];

/** The script with one event more, right after the last of its type. */
const withAfter = (type: string, ...added: typeof SCRIPT): typeof SCRIPT =>
  SCRIPT.toSpliced(SCRIPT.findLastIndex(([name]) => name === type) + 1, 0, ...added);

const without = (type: string): typeof SCRIPT =>
  SCRIPT.toSpliced(
    SCRIPT.findLastIndex(([name]) => name === type),
    1,
  );

/** The acknowledgements of the intact script do not fit a longer one. */
const broken = (script: typeof SCRIPT): SessionHistory => ({ ...history(script), expected: [] });

test('finds nothing wrong with a session that was recovered', () => {
  expect(checkHistory([history()])).toEqual([]);
});

describe('a broken log', () => {
  test('gap', () => {
    const whole = history();
    expect(rulesOf({ ...whole, log: whole.log.toSpliced(4, 1) })).toEqual(
      expect.arrayContaining(['log-gap', 'log-head']),
    );
  });

  test('an event written twice', () => {
    const whole = history();
    const twice = { ...whole.log[14]!, seq: 16 };
    expect(rulesOf({ ...whole, log: [...whole.log, twice], lastSeq: 16 })).toContain('doubled');
  });

  test('an acknowledged write that is gone, elsewhere, or there with another content', () => {
    const whole = history();
    const [note] = whole.expected;
    expect(rulesOf({ ...whole, expected: [{ ...note!, clientMsgId: 'gone' }] })).toEqual(['ack-lost']);
    expect(rulesOf({ ...whole, expected: [{ ...note!, seq: 14 }] })).toEqual(['ack-moved']);
    expect(rulesOf({ ...whole, expected: [{ ...note!, data: { note: 'other' } }] })).toEqual(['ack-lost']);
  });

  test('an acknowledged cancel that the log has twice', () => {
    const cancelled: typeof SCRIPT = [
      ['run.cancelled', { run_id: RUN }],
      ['run.cancelled', { run_id: RUN }],
    ];
    const expected = [{ what: 'cancel', times: 1 as const, type: 'run.cancelled', data: { run_id: RUN } }];
    expect(rulesOf({ ...broken(withAfter('work.noted', ...cancelled)), expected })).toContain('doubled');
  });

  test('a refused write that was written', () => {
    const whole = history();
    expect(rulesOf({ ...whole, expected: [{ ...whole.expected[1]!, clientMsgId: 'c15' }] })).toEqual([
      'refused-but-written',
    ]);
  });
});

describe('a broken follow', () => {
  const received = history().follows[0]!.received;
  const followed = (list: typeof received): SessionHistory => ({
    ...history(),
    follows: [{ name: 'f', received: list, deltas: [] }],
  });

  test.each([
    ['gap', received.toSpliced(3, 1), ['follow-gap', 'follow-short']],
    ['repeat', received.toSpliced(3, 0, received[2]!), ['follow-repeat']],
    ['short', received.slice(0, -1), ['follow-short']],
    ['other content', received.with(3, { id: 4, json: received[4]!.json }), ['follow-content']],
  ])('%s', (_name, list, rules) => {
    expect(rulesOf(followed(list))).toEqual(rules);
  });

  test('streamed text that is not in the answer, or of no answer', () => {
    const whole = history();
    const streamed = (messageId: string) => [
      { name: 'f', received, deltas: [{ messageId, offset: 0, text: 'Bad' }] },
    ];
    expect(rulesOf({ ...whole, follows: streamed(ANSWER) })).toEqual(['delta-content']);
    expect(rulesOf({ ...whole, follows: streamed('nobody') })).toEqual(['delta-unknown']);
  });
});

describe('a broken run', () => {
  test.each([
    ['two ends', withAfter('run.completed', ['run.failed', { run_id: RUN }]), 'run-end'],
    ['no end', without('run.completed'), 'run-end'],
    ['another end than its own', SCRIPT.with(12, ['run.failed', { run_id: RUN }]), 'run-end'],
    ['two queuings', withAfter('run.queued', ['run.queued', { run_id: RUN }]), 'run-queued'],
    ['no queuing', without('run.queued'), 'run-queued'],
    ['two starts', withAfter('run.started', ['run.started', { run_id: RUN, epoch: 1 }]), 'run-started'],
    ['work after the end', withAfter('run.completed', ['step.failed', { run_id: RUN }]), 'run-after-end'],
    ['a run nobody knows', withAfter('work.noted', ['run.queued', { run_id: 'x' }]), 'run-unknown'],
  ])('%s', (_name, script, rule) => {
    expect(rulesOf(broken(script))).toContain(rule);
  });
});

describe('a broken answer', () => {
  const second: (typeof SCRIPT)[0] = [
    'message.created',
    { message_id: ANSWER, message_index: 2, run_id: RUN, content: 'Good day.' },
  ];
  test.each([
    ['created twice', withAfter('message.created', second), 'two-answers'],
    [
      'created and superseded',
      withAfter('message.created', ['message.superseded', { run_id: RUN, message_id: ANSWER }]),
      'two-answers',
    ],
    ['begun while another is open', without('message.superseded'), 'two-answers'],
    ['never ended', without('step.completed'), 'answer-open'],
    ['none at the end of the run', without('message.created'), 'final-answer'],
    [
      'two of one index',
      SCRIPT.with(11, ['message.created', { ...SCRIPT[11]![1], message_index: 0 }]),
      'message-index',
    ],
  ])('%s', (_name, script, rule) => {
    expect(rulesOf(broken(script))).toContain(rule);
  });

  test('a list of messages that differs from the log', () => {
    const whole = history();
    expect(rulesOf({ ...whole, messages: whole.messages.slice(1) })).toEqual(['message-projection']);
  });
});

describe('broken epochs', () => {
  test.each([
    ['a claim without a new epoch', ['lease.claimed', { epoch: 3, holder: 'window' }], 'epoch'],
    ['a write under an old epoch', ['work.noted', { epoch: 2 }], 'epoch'],
    ['two holders of one epoch', ['session.stalled', { epoch: 3, holder: 'other' }], 'epoch-shared'],
    ['a run resumed under its old epoch', ['run.resumed', { run_id: RUN, epoch: 2 }], 'epoch'],
  ] as const)('%s', (_name, added, rule) => {
    expect(rulesOf(broken(withAfter('work.noted', [...added])))).toContain(rule);
  });
});
