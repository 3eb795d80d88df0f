import type { AnyEvent, SessionHistory } from './history.ts';

type Report = (rule: string, detail: string) => void;

const TERMINAL: ReadonlySet<string> = new Set(['run.completed', 'run.failed', 'run.cancelled']);

const text = (event: AnyEvent, key: string): string => String(event.data[key]);

/** Every run was queued once, started at most once, and ended once, as the API says it ended. */
export function checkRuns({ log, runs }: SessionHistory, report: Report): void {
  const queued = log.filter((event) => event.type === 'run.queued');
  const known = new Set(queued.map((event) => text(event, 'run_id')));
  for (const run of runs) {
    const ofRun = log.filter((event) => event.data['run_id'] === run.id);
    const count = (type: string): number => ofRun.filter((event) => event.type === type).length;
    if (count('run.queued') !== 1) report('run-queued', `${run.id}: ${count('run.queued')} times`);
    if (count('run.started') > 1) report('run-started', `${run.id}: ${count('run.started')} times`);
    const ends = ofRun.filter((event) => TERMINAL.has(event.type));
    if (ends.length !== 1) report('run-end', `${run.id} ended ${ends.length} times, and is ${run.status}`);
    else if (ends[0]?.type !== `run.${run.status}`)
      report('run-end', `${run.id} is ${run.status}, but its log says ${ends[0]?.type}`);
    const afterEnd = ofRun.find((event) => ends[0] !== undefined && event.seq > ends[0].seq);
    if (afterEnd !== undefined) report('run-after-end', `${run.id}: ${afterEnd.type} at ${afterEnd.seq}`);
    known.delete(run.id);
  }
  for (const id of known) report('run-unknown', `${id} is in the log, but no run`);
}

/**
 * An answer that was begun is either recorded or superseded, before the next one of its run begins;
 * a completed run has one final answer.
 */
export function checkAnswers({ log, runs }: SessionHistory, report: Report): void {
  const open = new Map<string, string>();
  const created = new Map<string, number>();
  const superseded = new Set<string>();
  const last = new Map<string, string>();
  for (const event of log) {
    const runId = text(event, 'run_id');
    const messageId = text(event, 'message_id');
    if (event.type === 'step.started') {
      const other = open.get(runId);
      if (other !== undefined) report('two-answers', `${runId}: ${messageId} begins while ${other} is open`);
      open.set(runId, messageId);
      last.set(runId, messageId);
    } else if (event.type === 'message.created') {
      created.set(messageId, (created.get(messageId) ?? 0) + 1);
    } else if (event.type === 'message.superseded') {
      superseded.add(messageId);
    }
    const closes = event.type === 'message.superseded' || event.type === 'step.completed';
    if (closes && open.get(runId) === messageId) open.delete(runId);
  }
  for (const [runId, messageId] of open) report('answer-open', `${runId}: ${messageId} was never ended`);
  for (const [messageId, times] of created) {
    if (times > 1) report('two-answers', `${messageId} was created ${times} times`);
    if (superseded.has(messageId)) report('two-answers', `${messageId} was created and superseded`);
  }
  for (const run of runs.filter(({ status }) => status === 'completed')) {
    const finals = created.get(last.get(run.id) ?? '') ?? 0;
    if (finals !== 1) report('final-answer', `${run.id} is completed with ${finals} final answers`);
  }
}

/** Messages count 0, 1, 2 ..., and log and projection agree about each. */
export function checkMessages({ log, messages }: SessionHistory, report: Report): void {
  const created = log.filter((event) => event.type === 'message.created');
  created.forEach((event, index) => {
    if (event.data['message_index'] !== index)
      report('message-index', `message ${index} of the log has index ${String(event.data['message_index'])}`);
    const message = messages[index];
    const same =
      message?.id === event.data['message_id'] &&
      message?.content === event.data['content'] &&
      message?.seq === event.seq &&
      message?.message_index === index;
    if (!same) report('message-projection', `message ${index} of the list is not that of event ${event.seq}`);
  });
  if (messages.length !== created.length)
    report('message-projection', `${messages.length} messages, but ${created.length} in the log`);
}

/** Epochs never fall; each take-over has a higher one than all before; an epoch has one holder. */
export function checkEpochs({ log }: SessionHistory, report: Report): void {
  const holders = new Map<number, string>();
  let highest = 0;
  let highestRun = 0;
  for (const { seq, type, data } of log) {
    const { epoch, holder } = data;
    if (typeof epoch !== 'number') continue;
    const runTaken = type === 'run.started' || type === 'run.resumed';
    const rises = type === 'lease.claimed' ? epoch > highest : !runTaken || epoch > highestRun;
    if (epoch < highest || !rises)
      report('epoch', `${type} at ${seq} has epoch ${epoch} after ${Math.max(highest, highestRun)}`);
    highest = Math.max(highest, epoch);
    if (runTaken) highestRun = Math.max(highestRun, epoch);
    if (typeof holder !== 'string') continue;
    const before = holders.get(epoch) ?? holder;
    if (before !== holder)
      report('epoch-shared', `${epoch} belongs to ${before} and, at ${seq}, to ${holder}`);
    holders.set(epoch, before);
  }
}
