/**
 * A server is killed in the middle of an answer, and started again.
 * Run it with: npm run example:kill-and-recover
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '@holdfast/local-server';
import { createClient, paginate, type Client } from '@holdfast/sdk';
import { checkOutcome, type Recorded } from './check.ts';
import { Follower } from './follower.ts';

const DOCUMENTS = join(import.meta.dirname, 'documents');
const QUESTION = 'What happens to a half-written answer when the server dies?';
/** Chosen by the client once for this message, so that sending it twice is sending it once. */
const CLIENT_MSG_ID = 'my-first-question';
const MAX_DATA_CHARS = 100;
const ENOUGH_CHARS = 500;

const say = (text = ''): void => console.log(text);

/** The documents of this folder, an agent that may search them, and a session with it. */
async function prepare(client: Client, projectId: string): Promise<string> {
  const names = (await readdir(DOCUMENTS)).sort();
  for (const name of names) {
    const content = await readFile(join(DOCUMENTS, name), 'utf8');
    await client.documents.upload(projectId, { name, content });
  }
  say(`Uploaded ${names.join(', ')}.`);
  const agent = { project_id: projectId, name: 'Guide', tools: ['search_documents', 'read_document'] };
  const { id: agent_id } = await client.agents.create(agent);
  const session = await client.sessions.create({ project_id: projectId, agent_id });
  return session.id;
}

/** @returns whether everything held */
async function tellStory(folder: string): Promise<boolean> {
  let server = await startServer({ folder });
  try {
    say('The server is started, on an empty folder.');
    const client = createClient({ baseUrl: server.url, apiKey: server.apiKey });
    const sessionId = await prepare(client, server.projectId);

    const follower = new Follower(client, sessionId);
    const ask = () => client.messages.post(sessionId, { content: QUESTION, client_msg_id: CLIENT_MSG_ID });
    await ask();
    say(`Asked: ${QUESTION}`);

    await follower.until('half an answer', () => follower.partial.length >= ENOUGH_CHARS);
    await server.kill();
    say(`\nThe answer so far, when the server is killed with kill -9:\n${quote(follower.partial)}\n`);

    server = await startServer({ folder, port: server.port });
    say('The server is started again, on the same folder.');
    await ask();
    say('The question is sent again, as by a client that never got its reply.');
    await follower.until('the end of the run', () =>
      follower.has('run.completed', 'run.failed', 'run.cancelled'),
    );
    await follower.stop();

    const log: Recorded[] = [];
    for await (const event of paginate((after) => client.events.page(sessionId, { after })))
      log.push(event as Recorded);
    const answer = log.find(({ data }) => data.role === 'assistant');
    say(`\nThe whole answer:\n${quote(String(answer?.data.content))}\n`);
    say(`The log, as one follower saw it over ${follower.connections} connections:`);
    for (const event of log) say(formatEvent(event));
    say();
    const checks = checkOutcome({ log, received: follower.received, clientMsgId: CLIENT_MSG_ID });
    for (const { says, problem } of checks)
      say(problem === null ? `ok      ${says}` : `FAILED  ${says}: ${problem}`);
    return checks.every(({ problem }) => problem === null);
  } finally {
    await server.kill();
  }
}

/** Ids are cut to their last four characters, so that one can see which are the same. */
function formatEvent({ seq, type, data }: Recorded): string {
  const text = JSON.stringify(data).replace(
    /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{8}(?=[0-9a-f]{4})/g,
    '…',
  );
  const short = text.length > MAX_DATA_CHARS ? `${text.slice(0, MAX_DATA_CHARS - 1)}…` : text;
  return `${String(seq).padStart(3)}  ${type.padEnd(18)}  ${short}`;
}

function quote(text: string): string {
  return text.trimEnd().replace(/^/gm, '  | ');
}

const folder = await mkdtemp(join(tmpdir(), 'holdfast-example-'));
try {
  process.exitCode = (await tellStory(folder)) ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
