import type { AnyEvent, Delta, Expected, Followed, SessionHistory } from './history.ts';

type Report = (rule: string, detail: string) => void;

/** The log is 1, 2, 3 ... up to the head that the server names. */
export function checkNumbers({ log, lastSeq }: SessionHistory, report: Report): void {
  log.forEach((event, index) => {
    if (event.seq !== index + 1) report('log-gap', `event ${index + 1} has number ${event.seq}`);
  });
  if (log.length !== lastSeq) report('log-head', `${log.length} events, but the head is ${lastSeq}`);
  const ids = new Set<string>();
  for (const { client_msg_id, seq } of log) {
    if (ids.has(client_msg_id)) report('doubled', `client_msg_id ${client_msg_id} again at ${seq}`);
    ids.add(client_msg_id);
  }
}

/** What was acknowledged is there once; what was refused is not there. */
export function checkExpected({ log, expected }: SessionHistory, report: Report): void {
  const byType = Map.groupBy(log, (event) => event.type);
  const byClientId = new Map(log.map((event) => [event.client_msg_id, event]));
  for (const wanted of expected) {
    const candidates = candidatesFor(wanted, byType, byClientId);
    const found = candidates.filter((event) => matches(event, wanted));
    if (found.length !== wanted.times) {
      const rule = wanted.times === 0 ? 'refused-but-written' : found.length === 0 ? 'ack-lost' : 'doubled';
      report(rule, `${wanted.what}: ${found.length} times`);
    } else if (wanted.seq !== undefined && found[0]?.seq !== wanted.seq) {
      report('ack-moved', `${wanted.what}: acknowledged as ${wanted.seq}, found at ${found[0]?.seq}`);
    }
  }
}

function candidatesFor(
  { clientMsgId, type }: Expected,
  byType: Map<string, AnyEvent[]>,
  byClientId: Map<string, AnyEvent>,
): AnyEvent[] {
  if (clientMsgId === undefined) return byType.get(type) ?? [];
  const found = byClientId.get(clientMsgId);
  return found === undefined ? [] : [found];
}

function matches(event: AnyEvent, { type, data = {} }: Expected): boolean {
  return event.type === type && Object.entries(data).every(([key, value]) => event.data[key] === value);
}

/** Every follower got 1, 2, 3 ... to the end, each event as the log has it. */
export function checkFollows({ log, follows }: SessionHistory, report: Report): void {
  for (const { name, received } of follows) {
    let wrong = 0;
    received.forEach(({ id, json }, index) => {
      if (id !== index + 1) {
        if ((wrong += 1) === 1) {
          report(id <= index ? 'follow-repeat' : 'follow-gap', `${name}: number ${id} as its ${index + 1}.`);
        }
      } else if (json !== JSON.stringify(log[index])) {
        report('follow-content', `${name}: number ${id} is ${json}, not ${JSON.stringify(log[index])}`);
      }
    });
    if (received.length < log.length)
      report('follow-short', `${name}: ${received.length} of ${log.length} events`);
  }
}

/** What was streamed of an answer is part of the answer that was recorded. */
export function checkDeltas({ log, follows }: SessionHistory, report: Report): void {
  const contents = new Map(
    log
      .filter((event) => event.type === 'message.created')
      .map(({ data }) => [String(data['message_id']), String(data['content'])]),
  );
  const begun = new Set(
    log.filter((event) => event.type === 'step.started').map(({ data }) => data['message_id']),
  );
  const isPart = ({ messageId, offset, text }: Delta): boolean => {
    const content = contents.get(messageId);
    return content === undefined || content.startsWith(text, offset);
  };
  for (const { name, deltas } of follows satisfies Followed[]) {
    for (const delta of deltas) {
      if (!begun.has(delta.messageId)) report('delta-unknown', `${name}: of ${delta.messageId}`);
      else if (!isPart(delta))
        report('delta-content', `${name}: "${delta.text}" at ${delta.offset} of ${delta.messageId}`);
    }
  }
}
