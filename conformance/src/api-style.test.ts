import {
  agentSchema,
  agentV2Schema,
  apiUsageSchema,
  clientConfigSchema,
  featureFlagSchema,
  projectSchema,
  sessionSchema,
  type Project,
} from '@holdfast/protocol';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { listAll, makeAgent, makeProject, makeSession, say, sessionPath, upload, V1 } from './support/api.ts';
import { dataOf, errorOf, fieldsOf, pageOf } from './support/expect.ts';
import { get, patch, post, remove, send, type Answer } from './support/http.ts';
import { target } from './support/target.ts';
import { Tenant } from './support/tenant.ts';

const V2 = '/api/v2';
const put = (path: string, body: unknown): Promise<Answer> => send({ method: 'PUT', path, body });

let project: Project;
beforeAll(async () => {
  project = await makeProject('API style');
});

describe('conditional requests', () => {
  const kinds: [string, () => Promise<{ path: string; change: Record<string, string> }>][] = [
    [
      'project',
      async () => ({ path: `${V1}/projects/${(await makeProject()).id}`, change: { name: 'New' } }),
    ],
    [
      'agent',
      async () => ({ path: `${V1}/agents/${(await makeAgent(project)).id}`, change: { name: 'New' } }),
    ],
    [
      'agent of v2',
      async () => ({ path: `${V2}/agents/${(await makeAgent(project)).id}`, change: { name: 'New' } }),
    ],
    [
      'session',
      async () => ({ path: sessionPath((await makeSession(project)).id), change: { title: 'New' } }),
    ],
  ];

  it.each(kinds)('BF-2.2.d a %s has an ETag that gives 304 until it changes', async (_name, make) => {
    const { path, change } = await make();
    const first = await get(path);
    const etag = String(first.headers.etag);
    expect(etag).toMatch(/^"1\.[\w-]{22}"$/);
    const same = await get(path, { headers: { 'if-none-match': etag } });
    expect([same.status, same.text, same.headers.etag]).toEqual([304, '', etag]);
    const changed = await patch(path, change);
    expect(changed.status).toBe(200);
    const second = await get(path, { headers: { 'if-none-match': etag } });
    expect(second.status).toBe(200);
    expect(second.headers.etag).toBe(changed.headers.etag);
    expect(second.headers.etag).toMatch(/^"2\./);
  });

  it.each(kinds)('of parallel changes to one ETag of a %s exactly one wins', async (_name, make) => {
    const { path, change } = await make();
    const etag = String((await get(path)).headers.etag);
    const [field] = Object.keys(change) as [string];
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        patch(path, { [field]: `value ${i}` }, { headers: { 'if-match': etag } }),
      ),
    );
    expect(answers.map(({ status }) => status).filter((status) => status !== 412)).toEqual([200]);
    const won = answers.findIndex(({ status }) => status === 200);
    const now = await get(path);
    expect((now.json as { data: Record<string, unknown> }).data[field]).toBe(`value ${won}`);
    for (const answer of answers.filter(({ status }) => status === 412)) {
      errorOf(answer, 412, 'PRECONDITION_FAILED');
      expect(answer.headers.etag).toBe(now.headers.etag);
    }
    expect((await patch(path, change, { headers: { 'if-match': '*' } })).status).toBe(200);
  });

  it('messages do not spoil the If-Match of a session', async () => {
    const session = await makeSession(project);
    const etag = String((await get(sessionPath(session.id))).headers.etag);
    await say(session, 'hello');
    const changed = await patch(
      sessionPath(session.id),
      { title: 'Mine' },
      { headers: { 'if-match': etag } },
    );
    expect(dataOf(changed, sessionSchema)).toMatchObject({ title: 'Mine', message_count: 1, version: 2 });
  });

  it('lists have ETags too', async () => {
    const path = `${V1}/agents?project_id=${project.id}`;
    const etag = String((await get(path)).headers.etag);
    expect((await get(path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    await makeAgent(project);
    expect((await get(path, { headers: { 'if-none-match': etag } })).status).toBe(200);
  });

  it('an If-Match that is none is a 400 that names it, and one for an unknown id a 404', async () => {
    const headers = { 'if-match': 'nonsense' };
    expect(fieldsOf(await patch(`${V1}/projects/${project.id}`, { name: 'x' }, { headers }))).toEqual([
      'if-match',
    ]);
    const unknown = `${V1}/projects/${crypto.randomUUID()}`;
    errorOf(await patch(unknown, { name: 'x' }, { headers: { 'if-match': '"1"' } }), 404, 'NOT_FOUND');
  });
});

describe('Cache-Control', () => {
  it.each([
    [`${V1}/agents`, 120],
    [`${V2}/agents`, 120],
    [`${V1}/config`, 3600],
    [`${V2}/config`, 3600],
  ])('BF-2.2.d of %s is private, for %i seconds, with stale-while-revalidate', async (path, seconds) => {
    const { headers } = await get(path);
    expect(headers['cache-control']).toMatch(
      new RegExp(`^private, max-age=${seconds}, stale-while-revalidate=\\d+$`),
    );
    expect(headers.vary?.toLowerCase()).toMatch(/authorization, x-api-key/);
  });

  it('is no-store for sessions, keys and refusals', async () => {
    const session = await makeSession(project);
    for (const path of [sessionPath(session.id), `${V1}/sessions`, `${V1}/api-keys`, `${V1}/nothing`])
      expect((await get(path)).headers['cache-control']).toBe('no-store');
  });
});

describe('cursors', () => {
  const sorted = (ids: readonly string[]): string[] => [...ids].sort().reverse();

  it('BF-1.1.e page without overlap or gap while rows come and go, and report the total', async () => {
    const own = await makeProject('Paged');
    const names = Array.from({ length: 23 }, (_, i) => `d${String(i).padStart(2, '0')}.md`);
    const ids: string[] = [];
    for (const name of names) {
      const { data } = (await upload(own, name, `# ${name}\n`)).json as { data: { id: string } };
      ids.push(data.id);
    }
    const path = `${V1}/projects/${own.id}/documents?limit=5`;
    const seen: string[] = [];
    const gone = sorted(ids)[12]!;
    const totals: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const answer: Answer = await get(cursor === '' ? path : `${path}&cursor=${cursor}`);
      const page: { items: { id: string }[]; cursor: string | null } = pageOf(
        answer,
        z.object({ id: z.string() }),
      );
      seen.push(...page.items.map(({ id }) => id));
      totals.push((answer.json as { pagination: { total: unknown } }).pagination.total);
      cursor = page.cursor;
      if (seen.length === 5) {
        await upload(own, 'new.md', '# New\n');
        expect((await remove(`${V1}/documents/${gone}`)).status).toBe(204);
      }
    }
    expect(seen).toEqual(sorted(ids).filter((id) => id !== gone));
    expect(totals).toEqual([23, 23, 23, 23, 23]);
    const { pagination } = (await get(`${path}&include_total=false`)).json as { pagination: object };
    expect(pagination).not.toHaveProperty('total');
  });

  it('are opaque, and refused once a filter changed, when forged, or by another list', async () => {
    const own = await makeProject('Cursors');
    for (let i = 0; i < 3; i += 1) await makeSession(own);
    const path = `${V1}/sessions?limit=1&project_id=${own.id}`;
    const { items, cursor } = pageOf(await get(path), sessionSchema);
    expect(cursor).not.toContain(items[0]!.id);
    expect(Buffer.from(cursor!, 'base64url').length).toBeGreaterThan(24);
    expect(pageOf(await get(`${path}&cursor=${cursor}`), sessionSchema).items).toHaveLength(1);
    const bigger = `${V1}/sessions?limit=2&project_id=${own.id}&cursor=${cursor}`;
    expect(pageOf(await get(bigger), sessionSchema).items).toHaveLength(2);
    const refused = [
      `${V1}/sessions?limit=1&cursor=${cursor}`,
      `${V1}/sessions?limit=1&project_id=${own.id}&status=active&cursor=${cursor}`,
      `${V1}/sessions?limit=1&project_id=${project.id}&cursor=${cursor}`,
      `${V1}/agents?limit=1&project_id=${own.id}&cursor=${cursor}`,
      `${path}&cursor=${cursor!.slice(0, -2)}xx`,
      `${path}&cursor=${items[0]!.id}`,
    ];
    for (const url of refused) expect([url, fieldsOf(await get(url))]).toEqual([url, ['cursor']]);
  });

  it.skipIf(target.otherApiKey === undefined)('belong to one tenant', async () => {
    const token = target.otherApiKey!;
    await makeProject();
    await makeProject();
    const { cursor } = pageOf(await get(`${V1}/projects?limit=1`), projectSchema);
    expect(fieldsOf(await get(`${V1}/projects?limit=1&cursor=${cursor}`, { token }))).toEqual(['cursor']);
  });

  it.each(['0', '101', '1000', '-5', 'ten'])(
    'BF-1.1.e a limit of %s is refused, not clamped',
    async (limit) => {
      expect(fieldsOf(await get(`${V1}/projects?limit=${limit}`))).toEqual(['limit']);
    },
  );
});

describe('version 2', () => {
  const v2 = <T>(answer: Answer, schema: z.ZodType<T>, status = 200): T => {
    expect({ status: answer.status, body: answer.text }).toMatchObject({ status });
    return z.strictObject({ data: schema }).parse(answer.json).data;
  };
  const TOOLS = [
    { type: 'server', name: 'calculate' },
    {
      type: 'client',
      name: 'pick',
      description: 'Picks',
      input_schema: { type: 'object' },
      timeout_seconds: 60,
    },
  ];

  it('BF-1.4.a has agents in a shape of its own, over the same agents', async () => {
    const body = {
      project_id: project.id,
      name: 'Two',
      system_prompt: 'Be brief.',
      model: 'offline',
      tools: TOOLS,
    };
    const made = v2(await post(`${V2}/agents`, body), z.strictObject(agentV2Schema.shape), 201);
    expect(made).toMatchObject({ ...body, limits: { steps: 20 }, version: 1 });
    expect(v2(await get(`${V2}/agents/${made.id}`), agentV2Schema)).toEqual(made);
    const one = dataOf(await get(`${V1}/agents/${made.id}`), agentSchema);
    expect(one).toMatchObject({ id: made.id, instructions: 'Be brief.', budgets: made.limits });
    expect(one.tools[0]).toBe('calculate');
    const changed = await patch(`${V2}/agents/${made.id}`, {
      system_prompt: 'Be long.',
      limits: { steps: 3 },
    });
    expect(v2(changed, agentV2Schema)).toMatchObject({
      system_prompt: 'Be long.',
      limits: { steps: 3 },
      tools: TOOLS,
    });
    expect(dataOf(await get(`${V1}/agents/${made.id}`), agentSchema).instructions).toBe('Be long.');
  });

  it('lists with {data, page}, pages with the same cursors, refuses in the one error shape', async () => {
    const own = await makeProject('Two');
    for (let i = 0; i < 3; i += 1) await makeAgent(own, { name: `A${i}` });
    const shape = z.strictObject({
      data: z.array(agentV2Schema),
      page: z.strictObject({ limit: z.int(), next_cursor: z.string().nullable(), total: z.int() }),
    });
    const path = `${V2}/agents?project_id=${own.id}&limit=2`;
    const first = shape.parse((await get(path)).json);
    const second = shape.parse((await get(`${path}&cursor=${first.page.next_cursor}`)).json);
    expect([first, second].map(({ page }) => [page.total, page.next_cursor === null])).toEqual([
      [3, false],
      [3, true],
    ]);
    expect([...first.data, ...second.data].map(({ name }) => name)).toEqual(['A2', 'A1', 'A0']);
    errorOf(await get(`${V2}/agents/${crypto.randomUUID()}`), 404, 'NOT_FOUND');
    expect(
      fieldsOf(await post(`${V2}/agents`, { project_id: own.id, name: 'x', instructions: 'v1' })),
    ).toEqual(['instructions']);
    errorOf(await get(`${V2}/agents`, { token: null }), 401, 'UNAUTHORIZED');
  });

  it('makes one agent for one Idempotency-Key', async () => {
    const call = { headers: { 'idempotency-key': crypto.randomUUID() } };
    const body = { project_id: project.id, name: 'Once', model: 'offline' };
    const first = v2(await post(`${V2}/agents`, body, call), agentV2Schema, 201);
    const again = await post(`${V2}/agents`, body, call);
    expect(v2(again, agentV2Schema, 201)).toEqual(first);
    expect(again.headers['idempotency-replayed']).toBe('true');
  });

  it('BF-1.4.a an unknown version is a 404 of the standard shape with a hint', async () => {
    for (const path of ['/api/v9/agents', '/api/v9', '/api/v0/projects?x=1']) {
      const { suggestion } = errorOf(await get(path), 404, 'NOT_FOUND');
      expect(suggestion).toMatch(/speaks v1 and v2/);
    }
  });
});

describe('deprecation', () => {
  interface Operation {
    deprecated?: boolean;
    description: string;
  }

  it('BF-1.4.b BF-1.4.e PUT of an agent announces its end, as the document does', async () => {
    const agent = await makeAgent(project);
    const answer = await put(`${V1}/agents/${agent.id}`, { name: 'Put' });
    const { paths } = (await get('/api/openapi.json', { token: null })).json as {
      paths: Record<string, Record<string, Operation>>;
    };
    const operation = paths['/api/v1/agents/{agent_id}']!['put']!;
    expect(operation.deprecated).toBe(true);
    const sunset = /removed on (\d{4}-\d\d-\d\d)/.exec(operation.description)![1]!;
    expect(Date.parse(String(answer.headers['sunset']))).toBe(Date.parse(`${sunset}T00:00:00Z`));
    expect(answer.headers['deprecation']).toMatch(/^@\d{10}$/);
    expect(Number(String(answer.headers['deprecation']).slice(1)) * 1000).toBeLessThan(
      Date.parse(String(answer.headers['sunset'])),
    );
    expect(answer.headers.link).toContain(`</api/v2/agents/${agent.id}>; rel="successor-version"`);
    expect(answer.headers.link).toMatch(/<[^>]+>; rel="deprecation"/);
    if (Date.now() >= Date.parse(sunset)) return void errorOf(answer, 410, 'ROUTE_GONE');
    expect(dataOf(answer, agentSchema).name).toBe('Put');
    const successor = await get(`/api/v2/agents/${agent.id}`);
    expect([successor.status, successor.headers['deprecation']]).toEqual([200, undefined]);
  });
});

describe.skipIf(!target.openToRegistration)('feature flags and configuration', () => {
  const FLAGS = `${V1}/admin/feature-flags`;
  /** Of its own: other tests call, and switch, too. */
  let tenant: Tenant;
  let token: string;
  beforeAll(async () => {
    tenant = await Tenant.register();
    token = tenant.token;
  });
  const ask = (path: string): Promise<Answer> => get(path, { token });
  const setFlag = (body: unknown): Promise<Answer> => send({ method: 'PUT', path: FLAGS, body, token });
  const setLinks = (version: string, enabled: boolean) => setFlag({ version, name: 'list_links', enabled });

  it('BF-1.4.d a flag on for v2 changes only v2', async () => {
    const project_id = await tenant.valueOf('project_id');
    for (const name of ['A', 'B']) await tenant.make('/agents', { project_id, name, model: 'offline' });
    const query = `?project_id=${project_id}&limit=1`;
    const before = await ask(`${V1}/agents${query}`);
    const flag = dataOf(await setLinks('v2', true), featureFlagSchema);
    expect(flag).toMatchObject({ version: 'v2', name: 'list_links', enabled: true });
    const { links, page } = (await ask(`${V2}/agents${query}`)).json as {
      links: { self: string; next: string };
      page: { next_cursor: string };
    };
    expect(links.self).toBe(`${V2}/agents${query}`);
    expect(new URL(links.next, target.url).searchParams.get('cursor')).toBe(page.next_cursor);
    const last = (await ask(links.next)).json as { data: unknown[]; links: { next: unknown } };
    expect([last.data.length, last.links.next]).toEqual([1, null]);
    const after = await ask(`${V1}/agents${query}`);
    expect(after.json).toEqual(before.json);
    expect(after.json).not.toHaveProperty('links');
    expect(dataOf(await ask(`${V1}/config`), clientConfigSchema).flags).toEqual({ list_links: false });
    const { data } = (await ask(`${V2}/config`)).json as { data: unknown };
    expect(clientConfigSchema.parse(data)).toMatchObject({ version: 'v2', flags: { list_links: true } });
    await setLinks('v2', false);
    expect((await ask(`${V2}/agents${query}`)).json).not.toHaveProperty('links');
  });

  it('lists them all, and refuses what there is not', async () => {
    const flags = dataOf(await ask(FLAGS), z.array(featureFlagSchema));
    expect(flags.map(({ version, name }) => `${version} ${name}`)).toEqual([
      'v1 list_links',
      'v2 list_links',
    ]);
    const fields = fieldsOf(await setFlag({ version: 'v3', name: 'nope', enabled: 'yes' }));
    expect(fields).toEqual(['enabled', 'name', 'version']);
  });

  it('BF-1.4.f the use of each version rises with each call', async () => {
    const usage = async (version: string) => {
      const answer = await ask(`${V1}/admin/api-versions/usage?version=${version}`);
      const { versions } = dataOf(answer, apiUsageSchema);
      const routes = new Map(versions[0]?.routes.map(({ route, requests }) => [route, requests]));
      return { requests: versions[0]?.requests ?? 0, of: (route: string) => routes.get(route) ?? 0 };
    };
    const route = 'GET /api/v2/agents/:agent_id';
    const path = `${V2}/agents/${await tenant.valueOf('agent_id')}`;
    const before = await usage('v2');
    for (let i = 0; i < 3; i += 1) await ask(path);
    await vi.waitFor(async () => {
      const after = await usage('v2');
      expect([after.of(route) - before.of(route), after.requests - before.requests]).toEqual([3, 3]);
    });
    const v1 = await usage('v1');
    await ask(`${V1}/projects`);
    await vi.waitFor(async () => {
      const after = await usage('v1');
      expect(after.of('GET /api/v1/projects') - v1.of('GET /api/v1/projects')).toBe(1);
    });
  });
});

describe('input', () => {
  it('P-04 keeps markup as the text it is', async () => {
    const markup = '<script>alert(1)</script><img src=x onerror=alert(2)>';
    const made = await makeProject(markup);
    const answer = await get(`${V1}/projects/${made.id}`);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(dataOf(answer, projectSchema).name).toBe(markup);
    const session = await makeSession(made, { title: markup });
    await say(session, markup);
    expect((await get(sessionPath(session.id, '/messages'))).text).toContain('<script>alert(1)</script>');
    expect((await listAll(`${V1}/sessions?project_id=${made.id}`, sessionSchema, 10))[0]!.title).toBe(markup);
  });

  it.each([
    ['../../etc/passwd', 400],
    ['..\\..\\boot.ini', 400],
    ['/etc/passwd', 400],
    ['a//b.md', 400],
    ['con.md', 400],
    ['a\u202egnp.md', 400],
  ])('BF-5.1.d refuses the upload name %j', async (name, status) => {
    const answer = await upload(project, name, 'text');
    expect(fieldsOf(answer)).toEqual(['name']);
    expect(answer.status).toBe(status);
  });

  it.each([
    ['a PDF', '%PDF-1.7\n'],
    ['a ZIP', 'PK\x03\x04rest'],
    ['a PNG', Buffer.from('89504e470d0a1a0a', 'hex')],
    ['a program', Buffer.from('7f454c46', 'hex')],
  ])('BF-5.1.d refuses %s that is declared as Markdown', async (_name, content) => {
    errorOf(await upload(project, 'a.md', content), 415, 'UNSUPPORTED_MEDIA_TYPE');
    expect((await get(`${V1}/projects/${project.id}/documents`)).text).not.toContain('"a.md"');
  });

  it('BF-5.1.e refuses a compressed body', async () => {
    const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' };
    const answer = await send({ method: 'POST', path: `${V1}/projects`, raw: '{"name":"x"}', headers });
    errorOf(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
});
