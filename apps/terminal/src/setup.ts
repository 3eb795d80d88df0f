import type { Agent, Project, Session } from '@holdfast/protocol';
import { paginate, type Client } from '@holdfast/sdk';
import type { Options } from './options.ts';

const TOOLS = ['search_documents', 'read_document', 'calculate', 'current_time'];
const INSTRUCTIONS =
  'Answer from the documents of the project and cite the ones you used. Look them up before you answer. ' +
  'When they do not say it, say so.';

/**
 * The session to talk in: the one asked for, or a new one with the agent of that name.
 * @throws HoldfastError
 */
export async function openSession(
  client: Client,
  options: Pick<Options, 'session' | 'agent' | 'projectId'>,
): Promise<Session> {
  if (options.session !== null) {
    const session = await client.sessions.get(options.session);
    if (session.agent_id !== null) return session;
    const agent = await ensureAgent(client, session.project_id, options.agent);
    return client.sessions.update(session.id, { agent_id: agent.id });
  }
  const projectId = options.projectId ?? (await findProject(client)).id;
  const agent = await ensureAgent(client, projectId, options.agent);
  return client.sessions.create({ project_id: projectId, agent_id: agent.id });
}

/** The oldest project: a newer one must not move the conversation elsewhere. */
async function findProject(client: Client): Promise<Project> {
  let oldest: Project | undefined;
  const all = paginate((cursor) => client.projects.list({ cursor, limit: 100 }));
  for await (const project of all) oldest = project;
  return oldest ?? client.projects.create({ name: 'Default' });
}

async function ensureAgent(client: Client, project_id: string, name: string): Promise<Agent> {
  const all = paginate((cursor) => client.agents.list({ project_id, cursor, limit: 100 }));
  for await (const agent of all) if (agent.name === name) return agent;
  return client.agents.create({ project_id, name, instructions: INSTRUCTIONS, tools: TOOLS });
}
