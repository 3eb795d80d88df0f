/**
 * Uploads a folder of Markdown documents and asks an agent about them.
 * Run it with: npm run example:ask-your-documents
 * or with a folder and questions of your own:
 *              npm run example:ask-your-documents -- ~/notes "Where is the key?"
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startServer } from '@holdfast/local-server';
import { createClient, createTranscript, type Client } from '@holdfast/sdk';

const {
  2: folder = join(import.meta.dirname, '../kill-and-recover/documents'),
  3: question = 'What does a follower need to come back to the right place?',
} = process.argv;
const questions = [question, ...process.argv.slice(4)];
if (process.argv.length <= 3) questions.push('Why is a late holder harmless?', 'How tall is a giraffe?');

/** Makes a project of the folder's documents. @returns its id, and the names of the documents */
async function uploadFolder(client: Client): Promise<{ projectId: string; names: string[] }> {
  const project = await client.projects.create({ name: 'My documents' });
  const names = (await readdir(folder)).filter((name) => name.endsWith('.md')).sort();
  for (const name of names) {
    const content = await readFile(join(folder, name), 'utf8');
    await client.documents.upload(project.id, { name, content });
  }
  return { projectId: project.id, names };
}

/** Makes somebody who answers from the documents, and a session with it. */
async function openSession(client: Client, projectId: string): Promise<string> {
  const agent = await client.agents.create({
    project_id: projectId,
    name: 'Librarian',
    instructions: 'Answer from the documents only. Cite each as [name:line].',
    tools: ['search_documents', 'read_document'],
  });
  const session = await client.sessions.create({ project_id: projectId, agent_id: agent.id });
  return session.id;
}

/** Prints the answer while it is written. @returns what was printed, and the answer as it was recorded */
async function ask(client: Client, sessionId: string, content: string) {
  const { message, run } = await client.messages.post(sessionId, { content });
  const transcript = createTranscript();
  let printed = '';
  for await (const event of client.follow(sessionId, { after: message.seq - 1 })) {
    const { messages, runs } = transcript.apply(event);
    const answer = messages.findLast(({ role, runId }) => role === 'assistant' && runId === run?.id);
    const text = answer?.content ?? printed;
    // An answer only grows, unless whoever wrote it died and another begins it anew.
    if (!text.startsWith(printed)) {
      console.log('\n(the answer begins again)');
      printed = '';
    }
    process.stdout.write(text.slice(printed.length));
    printed = text;
    const status = runs.find(({ id }) => id === run?.id)?.status;
    if (status === 'completed') return { printed, recorded: answer?.content ?? '' };
    if (status === 'failed' || status === 'cancelled') throw new Error(`The run has ${status}.`);
  }
  throw new Error('The follow ended before the answer.');
}

/** @returns whether each answer was printed as it was recorded */
async function main(client: Client): Promise<boolean> {
  const { projectId, names } = await uploadFolder(client);
  console.log(`Uploaded ${names.join(', ')}.`);
  const sessionId = await openSession(client, projectId);
  let holds = true;
  for (const content of questions) {
    console.log(`\n> ${content}\n`);
    const { printed, recorded } = await ask(client, sessionId, content);
    const cited = names.filter((name) => recorded.includes(`[${name}:`));
    console.log(`\n\n(cites ${cited.join(', ') || 'nothing'})`);
    holds &&= printed === recorded;
  }
  console.log(`\n${holds ? 'ok    ' : 'FAILED'}  each answer was printed as it was recorded`);
  return holds;
}

const { HOLDFAST_URL, HOLDFAST_API_KEY = '' } = process.env;
// Without a server of your own, one is started on a temporary folder.
const server = HOLDFAST_URL === undefined ? await startServer() : null;
const baseUrl = HOLDFAST_URL ?? server!.url;
try {
  const holds = await main(createClient({ baseUrl, apiKey: server?.apiKey ?? HOLDFAST_API_KEY }));
  process.exitCode = holds ? 0 : 1;
} finally {
  await server?.stop();
}
