import {
  agentSchema,
  documentContentSchema,
  documentSchema,
  passageSchema,
  projectSchema,
  sessionSchema,
} from '@holdfast/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Project } from '@holdfast/protocol';
import {
  listAll,
  makeAgent,
  makeProject,
  makeSession,
  readLog,
  sessionPath,
  upload,
  V1,
} from './support/api.ts';
import { dataOf, errorOf, fieldsOf, pageOf } from './support/expect.ts';
import { get, patch, post, remove } from './support/http.ts';

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});

describe('projects', () => {
  it('are made, read, listed and changed', async () => {
    const made = dataOf(
      await post(`${V1}/projects`, { name: ' Tea ', metadata: { a: [1, null, 'ü'] } }),
      z.strictObject(projectSchema.shape),
      201,
    );
    expect(made).toMatchObject({ name: 'Tea', metadata: { a: [1, null, 'ü'] } });
    expect(dataOf(await get(`${V1}/projects/${made.id}`), projectSchema)).toEqual(made);
    expect(pageOf(await get(`${V1}/projects?limit=100`), projectSchema).items).toContainEqual(made);
    const changed = dataOf(await patch(`${V1}/projects/${made.id}`, { name: 'Coffee' }), projectSchema);
    expect(changed).toMatchObject({ id: made.id, name: 'Coffee', metadata: made.metadata });
    expect(Date.parse(changed.updated_at)).toBeGreaterThanOrEqual(Date.parse(made.updated_at));
  });

  it('a change that changes nothing is refused', async () => {
    errorOf(await patch(`${V1}/projects/${project.id}`, {}), 400, 'VALIDATION_ERROR');
  });

  it('are made once for one Idempotency-Key', async () => {
    const call = { headers: { 'idempotency-key': crypto.randomUUID() } };
    const twins = await Promise.all([1, 2, 3].map(() => post(`${V1}/projects`, { name: 'Once' }, call)));
    const ids = twins.map((answer) => dataOf(answer, projectSchema, 201).id);
    expect(new Set(ids).size).toBe(1);
    errorOf(await post(`${V1}/projects`, { name: 'Other' }, call), 422, 'IDEMPOTENCY_MISMATCH');
  });
});

describe('agents', () => {
  const tool = { name: 'pick', executor: 'client' as const };

  it('are made with defaults, read, listed by project and changed', async () => {
    const own = await makeProject('Agents');
    const made = dataOf(
      await post(`${V1}/agents`, { project_id: own.id, name: 'A', tools: ['current_time', tool] }),
      agentSchema,
      201,
    );
    expect(made.budgets).toEqual({ steps: 20, tokens: 200_000, seconds: 600 });
    expect(made.tools).toEqual([
      'current_time',
      { ...tool, description: '', input_schema: { type: 'object' }, timeout_seconds: 300 },
    ]);
    expect(dataOf(await get(`${V1}/agents/${made.id}`), agentSchema)).toEqual(made);
    expect(await listAll(`${V1}/agents?project_id=${own.id}`, agentSchema, 1)).toEqual([made]);
    const changed = dataOf(
      await patch(`${V1}/agents/${made.id}`, { instructions: 'Be brief.' }),
      agentSchema,
    );
    expect(changed).toMatchObject({ instructions: 'Be brief.', tools: made.tools });
  });

  it.each([
    [{ model: 'nowhere/such-model' }, ['model']],
    [{ tools: ['no_such_tool'] }, ['tools.0']],
    [{ tools: [tool, tool] }, ['tools.1']],
    [{ tools: ['calculate', 'calculate'] }, ['tools.1']],
    [{ budgets: { steps: 0 } }, ['budgets.steps']],
    [{ budgets: { steps: 1e300 } }, ['budgets.steps']],
    [{ name: '' }, ['name']],
    [{ surprise: 1 }, ['surprise']],
  ])('that could never run are refused: %j', async (more, fields) => {
    const answer = await post(`${V1}/agents`, { project_id: project.id, name: 'A', ...more });
    expect(fieldsOf(answer)).toEqual(fields);
  });

  it('of an unknown project are refused', async () => {
    const body = { project_id: crypto.randomUUID(), name: 'A' };
    errorOf(await post(`${V1}/agents`, body), 404, 'NOT_FOUND');
  });
});

describe('documents', () => {
  const found = async (own: Project, query: string) =>
    dataOf(
      await get(`${V1}/projects/${own.id}/documents/search?query=${encodeURIComponent(query)}`),
      z.array(passageSchema),
    );

  it('are uploaded, read, searched, replaced and deleted', async () => {
    const own = await makeProject('Documents');
    const text = '# Herbs\n\nThe marjoram grows by the wall.\n\n## Water\n\nThyme needs little of it.\n';
    const made = dataOf(await upload(own, 'guides/herbs.md', text), documentSchema, 201);
    expect(made).toMatchObject({
      name: 'guides/herbs.md',
      media_type: 'text/markdown',
      size_bytes: text.length,
    });
    expect(dataOf(await get(`${V1}/documents/${made.id}`), documentContentSchema)).toEqual({
      ...made,
      content: text,
    });
    expect(pageOf(await get(`${V1}/projects/${own.id}/documents`), documentSchema).items).toEqual([made]);
    const [passage] = await found(own, 'where does marjoram grow?');
    expect(passage).toMatchObject({
      document_id: made.id,
      document: 'guides/herbs.md',
      line: 3,
      heading: 'Herbs',
    });
    expect(passage?.text).toContain('marjoram');

    expect(dataOf(await upload(own, 'guides/herbs.md', text), documentSchema)).toEqual(made);
    const other = dataOf(await upload(own, 'guides/herbs.md', 'Only rosemary here.\n'), documentSchema);
    expect(other.id).toBe(made.id);
    expect(await found(own, 'marjoram')).toEqual([]);
    expect(await found(own, 'rosemary')).toHaveLength(1);

    const gone = await remove(`${V1}/documents/${made.id}`);
    expect([gone.status, gone.text]).toEqual([204, '']);
    errorOf(await get(`${V1}/documents/${made.id}`), 404, 'NOT_FOUND');
    errorOf(await remove(`${V1}/documents/${made.id}`), 404, 'NOT_FOUND');
    expect(await found(own, 'rosemary')).toEqual([]);
  });

  it('may be plain text, and keep every character', async () => {
    const text = 'Grüße, 你好, 👩‍🚀 \u202e\r\n\ttab\n';
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    const { id } = dataOf(await upload(project, 'Ünïcode.txt', text, { headers }), documentSchema, 201);
    expect(dataOf(await get(`${V1}/documents/${id}`), documentContentSchema).content).toBe(text);
  });

  it('of another type or character set are refused with 415', async () => {
    for (const type of ['application/pdf', 'application/json', 'text/html', 'text/plain; charset=latin1']) {
      const answer = await upload(project, 'x', '{}', { headers: { 'content-type': type } });
      errorOf(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
    }
  });

  it('that are too large are refused with 413', async () => {
    errorOf(await upload(project, 'big.md', Buffer.alloc(6 * 1024 * 1024, 'x ')), 413, 'PAYLOAD_TOO_LARGE');
  });

  it.each([
    ['invalid UTF-8', 'a.md', Buffer.from([0x61, 0xff, 0xfe])],
    ['a cut sequence', 'a.md', Buffer.from([0x61, 0xe2, 0x82])],
    ['an encoded surrogate', 'a.md', Buffer.from([0xed, 0xa0, 0x80])],
    ['NUL', 'a.md', 'a\0b'],
    ['nothing', 'a.md', ''],
    ['a name of spaces', '  ', 'x'],
    ['a name with NUL', 'a\0b', 'x'],
    ['a name with a line break', 'a\nb', 'x'],
    ['a long name', 'x'.repeat(201), 'x'],
  ])('with %s are refused', async (_what, name, content) => {
    errorOf(await upload(project, name, content), 400, 'VALIDATION_ERROR');
  });

  it.each([
    "'; drop table documents; --",
    '<script>alert(1)</script>',
    '{"$ne":null}',
    '%',
    'a & | ! ( :*',
    '\\',
  ])('B-79 a search for %s is a search for its words', async (query) => {
    expect(await found(project, query)).toBeInstanceOf(Array);
  });
});

describe('sessions', () => {
  it('are made, read, changed; the log tells of it', async () => {
    const made = await makeSession(project, { title: 'T', metadata: { a: 1 } });
    expect(made).toMatchObject({
      project_id: project.id,
      agent_id: null,
      kind: 'chat',
      status: 'active',
      run_policy: 'queue',
      executor: 'server',
      message_count: 0,
      last_seq: 1,
      completed_at: null,
      lease: { epoch: 0, state: 'free', holder: null },
    });
    const read = dataOf(await get(sessionPath(made.id)), sessionSchema);
    expect(read).toEqual(made);
    const agent = await makeAgent(project);
    const change = { title: null, agent_id: agent.id, run_policy: 'reject' };
    const changed = dataOf(await patch(sessionPath(made.id), change), sessionSchema);
    expect(changed).toMatchObject({ ...change, metadata: { a: 1 }, last_seq: 2 });
    const log = await readLog(made);
    expect(log.map(({ type }) => type)).toEqual(['session.created', 'session.updated']);
    expect(log[1]?.data).toEqual({ changes: change });
  });

  it('close once, for good', async () => {
    const made = await makeSession(project);
    const close = (body: unknown) => post(sessionPath(made.id, '/close'), body);
    const closed = dataOf(await close({ status: 'failed', reason: 'enough' }), sessionSchema);
    expect(closed).toMatchObject({ status: 'failed', last_seq: 2 });
    expect(closed.completed_at).not.toBeNull();
    expect(dataOf(await close({ status: 'failed' }), sessionSchema)).toEqual(closed);
    errorOf(await close({ status: 'completed' }), 409, 'RESOURCE_CONFLICT');
    errorOf(await post(sessionPath(made.id, '/messages'), { content: 'x' }), 409, 'RESOURCE_CONFLICT');
    errorOf(await post(sessionPath(made.id, '/lease'), { holder: 'h' }), 409, 'RESOURCE_CONFLICT');
    const log = await readLog(made);
    expect(log[1]).toMatchObject({ type: 'session.closed', data: { status: 'failed', reason: 'enough' } });
  });

  it('of an unknown project or agent are refused', async () => {
    const unknown = crypto.randomUUID();
    errorOf(await post(`${V1}/sessions`, { project_id: unknown }), 404, 'NOT_FOUND');
    errorOf(await post(`${V1}/sessions`, { project_id: project.id, agent_id: unknown }), 404, 'NOT_FOUND');
    const made = await makeSession(project);
    errorOf(await patch(sessionPath(made.id), { agent_id: unknown }), 404, 'NOT_FOUND');
    expect(await readLog(made)).toHaveLength(1);
  });

  it('are listed newest first, each once, while new ones come', async () => {
    const own = await makeProject('Paging');
    const first: string[] = [];
    for (let i = 0; i < 12; i++) first.unshift((await makeSession(own)).id);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = `project_id=${own.id}&limit=5${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page: { items: { id: string }[]; cursor: string | null } = pageOf(
        await get(`${V1}/sessions?${query}`),
        sessionSchema,
      );
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.cursor;
      await makeSession(own);
    }
    expect(seen).toEqual(first);
    expect(await listAll(`${V1}/sessions?project_id=${own.id}`, sessionSchema, 7)).toHaveLength(15);
  });

  it('are listed by status', async () => {
    const own = await makeProject('Statuses');
    const [open, closed] = [await makeSession(own), await makeSession(own)];
    await post(sessionPath(closed.id, '/close'), {});
    const idsOf = async (query: string): Promise<string[]> =>
      (await listAll(`${V1}/sessions?project_id=${own.id}${query}`, sessionSchema, 10)).map(({ id }) => id);
    expect(await idsOf('&status=active')).toEqual([open.id]);
    expect(await idsOf('&status=completed')).toEqual([closed.id]);
    expect(await idsOf('')).toEqual([closed.id, open.id]);
    errorOf(await get(`${V1}/sessions?status=lost`), 400, 'VALIDATION_ERROR');
    expect(await listAll(`${V1}/sessions?project_id=${crypto.randomUUID()}`, sessionSchema, 10)).toEqual([]);
  });
});
