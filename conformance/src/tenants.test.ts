import {
  agentSchema,
  projectSchema,
  sessionSchema,
  documentSchema,
  type ErrorBody,
} from '@holdfast/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  listAll,
  makeAgent,
  makeProject,
  makeSession,
  readLog,
  say,
  sessionPath,
  upload,
  V1,
} from './support/api.ts';
import { dataOf, errorOf } from './support/expect.ts';
import { get, post, send, type Call } from './support/http.ts';
import { target } from './support/target.ts';

/** What may differ between two refusals that must look the same. */
const essence = ({ timestamp: _, request_id: __, path: ___, ...rest }: ErrorBody) => rest;

describe.skipIf(target.otherApiKey === undefined)('another tenant', () => {
  const token = target.otherApiKey;
  const calls: [string, Call][] = [];
  let untouched: () => Promise<unknown>;

  beforeAll(async () => {
    const project = await makeProject('Private');
    const agent = await makeAgent(project);
    const document = dataOf(await upload(project, 'private.md', 'secret words'), documentSchema, 201);
    const session = await makeSession(project, { agent_id: agent.id, executor: 'external' });
    const { run } = await say(session, 'private');
    const runPath = sessionPath(session.id, `/runs/${run!.id}`);
    untouched = async () => [await readLog(session), (await get(`${V1}/agents/${agent.id}`)).text];
    const add = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): void =>
      void calls.push([`${method} ${path}`, { method, path, body, headers }]);
    add('GET', `${V1}/projects/${project.id}`);
    add('PATCH', `${V1}/projects/${project.id}`, { name: 'Mine' });
    add('GET', `${V1}/projects/${project.id}/documents`);
    add('GET', `${V1}/projects/${project.id}/documents/search?query=secret`);
    add('GET', `${V1}/documents/${document.id}`);
    add('DELETE', `${V1}/documents/${document.id}`);
    add('GET', `${V1}/agents/${agent.id}`);
    add('PATCH', `${V1}/agents/${agent.id}`, { name: 'Mine' });
    add('POST', `${V1}/agents`, { project_id: project.id, name: 'Mine' });
    add('POST', `${V1}/sessions`, { project_id: project.id });
    add('GET', sessionPath(session.id));
    add('PATCH', sessionPath(session.id), { title: 'Mine' });
    add('POST', sessionPath(session.id, '/close'), {});
    add('GET', sessionPath(session.id, '/messages'));
    add('POST', sessionPath(session.id, '/messages'), { content: 'x' });
    add('GET', sessionPath(session.id, '/events'));
    add('GET', sessionPath(session.id, '/events'), undefined, { accept: 'text/event-stream' });
    add('POST', sessionPath(session.id, '/events'), { epoch: 1, events: [{ type: 'note.made' }] });
    add('GET', sessionPath(session.id, '/runs'));
    add('POST', sessionPath(session.id, '/runs'), {});
    add('GET', runPath);
    add('POST', `${runPath}/cancel`, {});
    add('GET', `${runPath}/steps`);
    add('POST', `${runPath}/steps`, { epoch: 1 });
    add('POST', `${runPath}/steps/0/result`, { output: 1 });
    add('POST', sessionPath(session.id, '/lease'), { holder: 'h' });
    add('POST', sessionPath(session.id, '/lease/heartbeat'), { epoch: 1 });
    add('POST', sessionPath(session.id, '/lease/release'), { epoch: 1 });
  });

  it('finds nothing of ours: each call answers as if it did not exist', async () => {
    const before = await untouched();
    expect(calls.length).toBeGreaterThan(25);
    for (const [name, call] of calls) {
      const foreign = await send({ ...call, token });
      expect({ name, status: foreign.status }).toEqual({ name, status: 404 });
      const unknown = /\/(projects|documents|agents|sessions)\/[^/?]+/;
      if (!unknown.test(call.path)) continue;
      const path = call.path.replace(unknown, `/$1/${crypto.randomUUID()}`);
      const absent = await send({ ...call, path, token });
      expect({ name, ...essence(errorOf(foreign, 404)) }).toEqual({ name, ...essence(errorOf(absent, 404)) });
    }
    expect(await untouched()).toEqual(before);
  });

  it('lists nothing of ours', async () => {
    const ours = await listAll(`${V1}/projects`, projectSchema, 100);
    for (const [path, schema] of [
      [`${V1}/projects`, projectSchema],
      [`${V1}/agents`, agentSchema],
      [`${V1}/sessions`, sessionSchema],
    ] as const) {
      const { json, status } = await get(`${path}?limit=100`, { token });
      expect(status).toBe(200);
      for (const item of (json as { data: unknown[] }).data.map((one) => schema.parse(one))) {
        expect(ours.map(({ id }) => id)).not.toContain('project_id' in item ? item.project_id : item.id);
      }
    }
  });

  it('has its own idempotency keys', async () => {
    const call = { headers: { 'idempotency-key': crypto.randomUUID() } };
    const ours = dataOf(await post(`${V1}/projects`, { name: 'Ours' }, call), projectSchema, 201);
    const theirs = dataOf(
      await post(`${V1}/projects`, { name: 'Theirs' }, { ...call, token }),
      projectSchema,
      201,
    );
    expect(theirs.id).not.toBe(ours.id);
  });

  it('cannot use an agent of ours', async () => {
    const agent = await makeAgent(await makeProject());
    const theirs = dataOf(await post(`${V1}/projects`, { name: 'Theirs' }, { token }), projectSchema, 201);
    const body = { project_id: theirs.id, agent_id: agent.id };
    errorOf(await post(`${V1}/sessions`, body, { token }), 404, 'NOT_FOUND');
  });
});

describe('ids of another parent', () => {
  it('a run is only found in its own session', async () => {
    const project = await makeProject();
    const agent = await makeAgent(project);
    const [one, two] = await Promise.all([1, 2].map(() => makeSession(project, { agent_id: agent.id })));
    const { run } = await say(one!, 'hello');
    errorOf(await get(sessionPath(two!.id, `/runs/${run!.id}`)), 404, 'NOT_FOUND');
    errorOf(await post(sessionPath(two!.id, `/runs/${run!.id}/cancel`), {}), 404, 'NOT_FOUND');
    errorOf(await get(sessionPath(two!.id, `/runs/${run!.id}/steps`)), 404, 'NOT_FOUND');
  });
});
