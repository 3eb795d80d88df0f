/**
 * Two followers of one session, one over server-sent events and one over WebSocket. The second is
 * dropped in the middle and resumed later. Both see the same events, each once, in the same order.
 * Run it with: npm run example:follow-from-two-places
 */
import type { LogEvent } from '@holdfast/protocol';
import { startServer } from '@holdfast/local-server';
import { createClient, isEphemeral, type Client } from '@holdfast/sdk';

const DROP_AFTER = 6;

/** Reads events into a list until `isEnough` says so, then leaves. */
async function collect(
  events: ReturnType<Client['follow']>,
  list: LogEvent[],
  isEnough: (event: LogEvent) => boolean,
): Promise<void> {
  for await (const event of events) {
    // Pieces of an unfinished answer are broadcast, not recorded: they have no number.
    if (isEphemeral(event)) continue;
    list.push(event);
    if (isEnough(event)) return;
  }
}

async function openSession(client: Client, projectId: string): Promise<string> {
  const agent = { project_id: projectId, name: 'Reckoner', tools: ['calculate'] };
  const { id: agent_id } = await client.agents.create(agent);
  const session = await client.sessions.create({ project_id: projectId, agent_id });
  return session.id;
}

/** @returns whether both lists are the log, each event once and in order */
async function main(client: Client, projectId: string): Promise<boolean> {
  const sessionId = await openSession(client, projectId);
  const here: LogEvent[] = [];
  const there: LogEvent[] = [];
  const closed = (event: LogEvent): boolean => event.type === 'session.closed';
  const dropped = (event: LogEvent): boolean => event.seq === DROP_AFTER;

  // Here: server-sent events, from the beginning to the end.
  const watching = collect(client.follow(sessionId), here, closed);
  // There: WebSocket, dropped in the middle of the first answer.
  const briefly = collect(client.followWs(sessionId), there, dropped);
  await answered(client, sessionId, 'What is 6*7?');
  await briefly;
  await answered(client, sessionId, 'What is 2+3?');
  // And resumed: the number of the last event is all that it needs.
  const resumed = collect(client.followWs(sessionId, { after: there.at(-1)!.seq }), there, closed);
  await client.sessions.close(sessionId);
  await Promise.all([watching, resumed]);

  const { items: log } = await client.events.page(sessionId);
  printBoth(log, here, there);
  return [
    check(
      'the log is numbered 1, 2, 3 … without a gap',
      log.every(({ seq }, index) => seq === index + 1),
    ),
    check('the follower here saw the log, each event once and in order', isSame(here, log)),
    check('the follower there saw the same, though it was away', isSame(there, log)),
  ].every(Boolean);
}

/** Posts a question and waits until its run has ended. */
async function answered(client: Client, sessionId: string, content: string): Promise<void> {
  const { message } = await client.messages.post(sessionId, { content });
  const events = client.follow(sessionId, { after: message.seq });
  await collect(events, [], ({ type }) => ['run.completed', 'run.failed', 'run.cancelled'].includes(type));
}

function printBoth(log: LogEvent[], here: LogEvent[], there: LogEvent[]): void {
  const mark = (list: LogEvent[], { seq }: LogEvent): string =>
    '×'.repeat(list.filter((other) => other.seq === seq).length) || '-';
  console.log(`${'event'.padEnd(24)}here  there`);
  for (const event of log) {
    const name = `${String(event.seq).padStart(2)}  ${event.type}`;
    console.log(`${name.padEnd(24)}${mark(here, event).padEnd(6)}${mark(there, event)}`);
    if (event.seq === DROP_AFTER)
      console.log(`${' '.repeat(30)}(dropped here, resumed after the second answer)`);
  }
  console.log();
}

function check(says: string, holds: boolean): boolean {
  console.log(`${holds ? 'ok    ' : 'FAILED'}  ${says}`);
  return holds;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const server = await startServer();
try {
  const client = createClient({ baseUrl: server.url, apiKey: server.apiKey });
  process.exitCode = (await main(client, server.projectId)) ? 0 : 1;
} finally {
  await server.stop();
}
