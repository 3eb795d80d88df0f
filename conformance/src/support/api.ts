import {
  agentSchema,
  logEventSchema,
  messageSchema,
  postedMessageSchema,
  projectSchema,
  runSchema,
  sessionSchema,
  stepSchema,
  type Agent,
  type CreateAgent,
  type CreateSession,
  type LogEvent,
  type Message,
  type PostedMessage,
  type Project,
  type Run,
  type Session,
  type Step,
} from '@holdfast/protocol';
import { expect, vi } from 'vitest';
import { z } from 'zod';
import { dataOf, pageOf } from './expect.ts';
import { get, post, send, type Call } from './http.ts';
import { target } from './target.ts';

export const V1 = '/api/v1';
const PATIENCE_MS = 15_000;
export const ENDED = ['completed', 'failed', 'cancelled'];
export const TERMINAL = ['run.completed', 'run.failed', 'run.cancelled'];

export const sessionPath = (id: string, rest = ''): string => `${V1}/sessions/${id}${rest}`;
export const runPath = (run: Pick<Run, 'id' | 'session_id'>, rest = ''): string =>
  sessionPath(run.session_id, `/runs/${run.id}${rest}`);

export async function makeProject(name = 'Conformance'): Promise<Project> {
  return dataOf(await post(`${V1}/projects`, { name }), projectSchema, 201);
}

export async function makeAgent(project: Project, input: Partial<CreateAgent> = {}): Promise<Agent> {
  const body = { project_id: project.id, name: 'Agent', model: 'offline', ...input };
  return dataOf(await post(`${V1}/agents`, body), agentSchema, 201);
}

export async function makeSession(project: Project, input: Partial<CreateSession> = {}): Promise<Session> {
  return dataOf(await post(`${V1}/sessions`, { project_id: project.id, ...input }), sessionSchema, 201);
}

export async function say(
  session: Session,
  content: string,
  more: Record<string, unknown> = {},
): Promise<PostedMessage> {
  const answer = await post(sessionPath(session.id, '/messages'), { content, ...more });
  return dataOf(answer, postedMessageSchema, answer.status === 200 ? 200 : 201);
}

/** Posts a message that a run answers. */
export async function ask(session: Session, content: string): Promise<Run> {
  const { run } = await say(session, content);
  expect(run).not.toBeNull();
  return run!;
}

export async function getRun(run: Pick<Run, 'id' | 'session_id'>): Promise<Run> {
  return dataOf(await get(runPath(run)), runSchema);
}

export async function stepsOf(run: Pick<Run, 'id' | 'session_id'>): Promise<Step[]> {
  return dataOf(await get(runPath(run, '/steps')), z.array(stepSchema));
}

/** Waits until the run has one of the statuses; by default until it has ended. */
export async function waitForRun(run: Pick<Run, 'id' | 'session_id'>, statuses = ENDED): Promise<Run> {
  return vi.waitFor(
    async () => {
      const now = await getRun(run);
      expect(statuses).toContain(now.status);
      return now;
    },
    { timeout: PATIENCE_MS, interval: 50 },
  );
}

/** The tool step of a run that waits for a client. */
export async function waitForClientTool(run: Run): Promise<Step> {
  await waitForRun(run, ['waiting']);
  const step = (await stepsOf(run)).find(({ status }) => status === 'waiting');
  expect(step).toBeDefined();
  return step!;
}

/** The whole log, page by page, checked to be 1, 2, 3 … without gap. */
export async function readLog(session: Pick<Session, 'id'>, limit = 1000): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  for (let after: string | null = '0'; after !== null;) {
    const page: { items: LogEvent[]; cursor: string | null } = pageOf(
      await get(sessionPath(session.id, `/events?after=${after}&limit=${limit}`)),
      logEventSchema,
    );
    events.push(...page.items);
    after = page.cursor;
  }
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  return events;
}

export async function listMessages(session: Session): Promise<Message[]> {
  return pageOf(await get(sessionPath(session.id, '/messages?limit=200')), messageSchema).items;
}

/** The events of a log that end this run. */
export function endingsOf(events: readonly LogEvent[], run: Pick<Run, 'id'>): string[] {
  return events
    .filter(({ type, data }) => TERMINAL.includes(type) && (data as { run_id?: string }).run_id === run.id)
    .map(({ type }) => type);
}

/** Every page of a list, newest first. */
export async function listAll<T>(
  path: string,
  schema: z.ZodType<T>,
  limit: number,
  token = target.apiKey,
): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const joint = path.includes('?') ? '&' : '?';
    const query: string = `limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page: { items: T[]; cursor: string | null } = pageOf(
      await get(`${path}${joint}${query}`, { token }),
      schema,
    );
    items.push(...page.items);
    cursor = page.cursor;
  }
  return items;
}

/** Uploads a document. */
export function upload(
  project: Pick<Project, 'id'>,
  name: string,
  content: string | Buffer,
  more: Partial<Call> = {},
) {
  return send({
    method: 'POST',
    path: `${V1}/projects/${project.id}/documents?name=${encodeURIComponent(name)}`,
    raw: content,
    ...more,
    headers: { 'content-type': 'text/markdown', ...more.headers },
  });
}
