/** One recorded event of a session's log. */
export interface Recorded {
  /** 1, 2, 3 … */
  seq: number;
  /** `noun.verb` */
  type: string;
  data: Record<string, unknown>;
}

export interface Outcome {
  /** The log as the server has it at the end. */
  log: readonly Recorded[];
  /** What the follower was sent, over all its connections. */
  received: readonly Recorded[];
  clientMsgId: string;
}

export interface Check {
  says: string;
  /** null: it holds. */
  problem: string | null;
}

const ENDS = ['run.completed', 'run.failed', 'run.cancelled'];

/** What must hold of a run whose server was killed in the middle of it. */
export function checkOutcome({ log, received, clientMsgId }: Outcome): Check[] {
  const seqs = log.map(({ seq }) => seq);
  const got = received.map(({ seq }) => seq);
  const messages = log.filter(({ type }) => type === 'message.created').map(({ data }) => data);
  const questions = messages.filter((data) => data.client_msg_id === clientMsgId);
  const answers = messages.filter((data) => data.role === 'assistant');
  const ends = log.filter(({ type }) => ENDS.includes(type)).map(({ type }) => type);
  const superseded = log.filter(({ type }) => type === 'message.superseded');
  const dropped = superseded.map(({ data }) => data.message_id);
  return [
    check('the log is numbered 1, 2, 3 … without a gap', isCounting(seqs), seqs),
    check('the follower was sent each event exactly once, in order', isSame(got, seqs), got),
    check('the question is there once, though it was sent twice', questions.length === 1, questions.length),
    check('the half-written answer was given up', superseded.length === 1, superseded.length),
    check('there is exactly one answer, and it is not the one given up', isOnly(answers, dropped), answers),
    check('the run ended exactly once, completed', isSame(ends, ['run.completed']), ends),
  ];
}

function check(says: string, holds: boolean, found: unknown): Check {
  return { says, problem: holds ? null : `found ${JSON.stringify(found)}` };
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

function isCounting(seqs: readonly number[]): boolean {
  return seqs.length > 0 && seqs.every((seq, index) => seq === index + 1);
}

function isOnly(answers: readonly Record<string, unknown>[], dropped: readonly unknown[]): boolean {
  const [answer, ...more] = answers;
  return (
    answer !== undefined && more.length === 0 && !dropped.includes(answer.message_id) && answer.content !== ''
  );
}
