import { expect, test } from 'vitest';
import { checkOutcome, type Outcome, type Recorded } from './check.ts';

const LOG: Recorded[] = [
  { seq: 1, type: 'message.created', data: { role: 'user', client_msg_id: 'q', message_id: 'm1' } },
  { seq: 2, type: 'message.superseded', data: { message_id: 'm2' } },
  { seq: 3, type: 'message.created', data: { role: 'assistant', message_id: 'm3', content: 'Yes.' } },
  { seq: 4, type: 'run.completed', data: {} },
];
const add = (...events: [type: string, data: Record<string, unknown>][]): Recorded[] =>
  [...LOG, ...events.map(([type, data]) => ({ seq: 0, type, data }))].map((event, n) => ({
    ...event,
    seq: n + 1,
  }));
const both = (log: Recorded[]): Partial<Outcome> => ({ log, received: log });

test.each<[string, Partial<Outcome>, RegExp | null]>([
  ['all is well', {}, null],
  ['an event is missing in the log', both(LOG.toSpliced(1, 1)), /numbered/],
  ['the follower missed an event', { received: LOG.slice(1) }, /exactly once, in order/],
  ['the follower got an event twice', { received: [LOG[0]!, ...LOG] }, /exactly once, in order/],
  [
    'the question is there twice',
    both(add(['message.created', { role: 'user', client_msg_id: 'q' }])),
    /question/,
  ],
  [
    'there are two answers',
    both(add(['message.created', { role: 'assistant', content: 'No.' }])),
    /one answer/,
  ],
  ['the run ended twice', both(add(['run.completed', {}])), /ended exactly once/],
  [
    'nothing was given up',
    both(LOG.toSpliced(1, 1).map((event, n) => ({ ...event, seq: n + 1 }))),
    /given up/,
  ],
])('the checks: %s', (_name, change, problem) => {
  const failed = checkOutcome({ log: LOG, received: LOG, clientMsgId: 'q', ...change })
    .filter((check) => check.problem !== null)
    .map(({ says }) => says);
  if (problem === null) expect(failed).toEqual([]);
  else expect(failed.join()).toMatch(problem);
});
