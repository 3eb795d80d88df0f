import { createHash, createPublicKey, verify } from 'node:crypto';
import {
  agentSchema,
  auditEntryDetailSchema,
  auditEntrySchema,
  auditKeySchema,
  auditVerificationSchema,
  documentSchema,
  loginReplySchema,
  newApiKeySchema,
  projectSchema,
  signedHeadSchema,
  type AuditEntryDetail,
  type AuditEntryView,
  type SignedHead,
} from '@holdfast/protocol';
import { describe, expect, it, vi } from 'vitest';
import { makeProject, upload, V1 } from './support/api.ts';
import { dataOf, errorOf, fieldsOf, pageOf } from './support/expect.ts';
import { get, patch, post, remove, send } from './support/http.ts';
import { target } from './support/target.ts';

const LOGS = `${V1}/admin/audit-logs`;
const AGENT = { 'user-agent': 'conformance audit' };

async function search(query: string, token?: string): Promise<AuditEntryView[]> {
  return pageOf(await get(`${LOGS}?limit=100&${query}`, { token }), auditEntrySchema).items;
}
const detailOf = async ({ id }: AuditEntryView): Promise<AuditEntryDetail> =>
  dataOf(await get(`${LOGS}/${id}`), auditEntryDetailSchema);

/** The newest entry about that thing, with its changes. */
async function entryOf(action: string, id: string): Promise<AuditEntryDetail> {
  const [entry] = await search(`action=${action}&target_id=${id}`);
  expect(entry, `${action} of ${id}`).toBeDefined();
  return detailOf(entry!);
}

async function makeKey(scopes: string[]): Promise<{ id: string; secret: string }> {
  const key = dataOf(await post(`${V1}/api-keys`, { name: 'Audit', scopes }), newApiKeySchema, 201);
  return { id: key.id, secret: key.secret! };
}

const verifyLog = async (body: unknown = {}) =>
  dataOf(await post(`${LOGS}/verify`, body), auditVerificationSchema);

describe('BF-5.3.a the audit log has', () => {
  it('creation, change and deletion, of projects, agents, documents and keys', async () => {
    const project = await makeProject();
    await patch(`${V1}/projects/${project.id}`, { name: 'Renamed' });
    expect((await entryOf('project.created', project.id)).diff).toContainEqual({
      path: '/name',
      after: project.name,
    });
    expect((await entryOf('project.updated', project.id)).outcome).toBe('success');
    const agent = dataOf(await post(`${V1}/agents`, { project_id: project.id, name: 'A' }), agentSchema, 201);
    await patch(`${V1}/agents/${agent.id}`, { instructions: 'Be brief.' });
    await entryOf('agent.created', agent.id);
    await entryOf('agent.updated', agent.id);
    const { id } = dataOf(await upload(project, 'audit.md', '# Text'), documentSchema, 201);
    await remove(`${V1}/documents/${id}`);
    await entryOf('document.created', id);
    await entryOf('document.deleted', id);
    const key = await makeKey(['read']);
    await remove(`${V1}/api-keys/${key.id}`);
    const made = await entryOf('api_key.created', key.id);
    expect(JSON.stringify(made)).not.toContain(key.secret.slice(11));
    await entryOf('api_key.revoked', key.id);
  });

  it('a permission that was refused', async () => {
    const { id, secret } = await makeKey(['read']);
    errorOf(await post(`${V1}/projects`, { name: 'x' }, { token: secret }), 403, 'FORBIDDEN');
    await vi.waitFor(
      async () => {
        const denied = await search(`actor=key:${id}&outcome=denied`);
        expect(denied.map(({ targets }) => targets[0])).toEqual([
          { type: 'route', id: `POST ${V1}/projects` },
        ]);
      },
      { timeout: 5000, interval: 100 },
    );
  });

  it('who looked at it, who exported it and who had it verified', async () => {
    const { id, secret } = await makeKey(['admin']);
    for (let page = 0; page < 3; page += 1) await search('', secret);
    await get(`${LOGS}/export?format=csv&action=none`, { token: secret });
    await post(`${LOGS}/verify`, {}, { token: secret });
    const actions = (await search(`actor=key:${id}`)).map(({ action }) => action);
    expect(actions).toEqual(['audit.verified', 'audit.exported', 'audit.viewed']);
  });

  it.skipIf(target.email === undefined)('login, logout and a failed login', async () => {
    const credentials = { email: target.email, password: target.password };
    const login = dataOf(await post(`${V1}/auth/login`, credentials, { token: null }), loginReplySchema);
    const token = login.accessToken;
    const email = `${crypto.randomUUID()}@nobody.example`;
    await post(`${V1}/auth/login`, { email, password: 'wrong' }, { token: null, headers: AGENT });
    const failed = await search(`chain=system&text=${encodeURIComponent(email)}`, token);
    expect(failed).toMatchObject([
      { action: 'login.failed', outcome: 'failure', context: { user_agent: AGENT['user-agent'] } },
    ]);
    errorOf(await get(`${LOGS}?chain=system`), 403, 'FORBIDDEN');
    await post(`${V1}/auth/logout`, undefined, { token });
    const own = await search(`actor=user:${login.user.id}&action=log*`);
    expect(own.map(({ action }) => action).slice(0, 2)).toEqual(['logout', 'login.succeeded']);
  });
});

it('BF-5.3.b an update has before and after', async () => {
  const project = await makeProject();
  const changed = dataOf(
    await patch(`${V1}/projects/${project.id}`, { name: 'After', metadata: { a: { b: 1 } } }),
    projectSchema,
  );
  expect((await entryOf('project.updated', project.id)).diff).toEqual([
    { path: '/name', before: project.name, after: 'After' },
    { path: '/metadata/a', after: { b: 1 } },
  ]);
  expect(changed.name).toBe('After');
});

it('BF-5.3.c entries have address, client and request', async () => {
  const answer = await post(`${V1}/projects`, { name: 'From here' }, { headers: AGENT });
  const { id } = dataOf(answer, projectSchema, 201);
  const { context, actor } = await entryOf('project.created', id);
  expect(context.ip).toMatch(/^[0-9a-f.:]+$/);
  expect(context).toMatchObject({
    user_agent: AGENT['user-agent'],
    request_id: answer.headers['x-request-id'],
  });
  expect(actor).toMatchObject({ type: 'key', on_behalf_of: null });
  expect((await search(`ip=${context.ip}&target_id=${id}`)).map((entry) => entry.action)).toEqual([
    'project.created',
  ]);
});

describe('BF-5.3.d', () => {
  it('no call changes or deletes an entry', async () => {
    const [entry] = await search('');
    for (const method of ['PUT', 'PATCH', 'DELETE', 'POST']) {
      errorOf(await send({ method, path: `${LOGS}/${entry!.id}` }), 405, 'METHOD_NOT_ALLOWED');
    }
  });

  it('the log is found to be whole, and its entries are chained', async () => {
    await makeProject();
    expect(await verifyLog()).toMatchObject({ valid: true, first_bad_seq: null, reason: null });
    const [newest, before] = await search('');
    expect(newest!.seq).toBe(before!.seq + 1);
    expect(newest!.prev_hash).toBe(before!.hash);
  });

  it('an export proves itself: hashes by hand, and the signature of its end', async () => {
    await makeProject();
    const { text, headers } = await get(`${LOGS}/export`, { timeoutMs: 60_000 });
    expect(headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const head = signedHeadSchema.parse(lines.pop());
    const entries = lines.filter((line) => !('kind' in line));
    for (const { hash, personal: _, ...covered } of entries.slice(-20)) {
      expect(createHash('sha256').update(canonical(covered)).digest('hex')).toBe(hash);
    }
    expect(head).toMatchObject({ seq: entries.at(-1)!['seq'], hash: entries.at(-1)!['hash'] });
    const key = dataOf(await get(`${V1}/audit/public-key`, { token: null }), auditKeySchema);
    expect(head.key_id).toBe(key.key_id);
    const { signature, ...statement }: SignedHead = head;
    const bytes = Buffer.from(`holdfast audit head 1\n${canonical(statement)}`);
    const good = Buffer.from(signature, 'base64url');
    expect(verify(null, bytes, createPublicKey(key.public_key), good)).toBe(true);
  });
});

describe('BF-5.3.f the log is searched', () => {
  it('by actor, action, target, outcome and time', async () => {
    const { id: keyId, secret } = await makeKey(['read', 'write']);
    const project = dataOf(
      await post(`${V1}/projects`, { name: 'Mine' }, { token: secret }),
      projectSchema,
      201,
    );
    await patch(`${V1}/projects/${project.id}`, { name: 'Yours' });
    const actionsFor = async (query: string) => (await search(query)).map(({ action }) => action);
    const about = `target_type=project&target_id=${project.id}`;
    expect(await actionsFor(about)).toEqual(['project.updated', 'project.created']);
    expect(await actionsFor(`${about}&actor=key:${keyId}`)).toEqual(['project.created']);
    expect(await actionsFor(`${about}&action=project.u*`)).toEqual(['project.updated']);
    expect(await actionsFor(`${about}&outcome=denied`)).toEqual([]);
    expect(await actionsFor(`${about}&text=YOURS`)).toEqual(['project.updated']);
    const [updated] = await search(about);
    expect(await actionsFor(`${about}&to=${updated!.occurred_at}`)).toEqual(['project.created']);
    expect(await actionsFor(`${about}&from=${updated!.occurred_at}`)).toEqual(['project.updated']);
  });

  it('page by page', async () => {
    for (let n = 0; n < 3; n += 1) await makeProject();
    const seen: number[] = [];
    let cursor: string | null = '';
    for (let page = 0; page < 3 && cursor !== null; page += 1) {
      const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const found = pageOf(await get(`${LOGS}?limit=2&action=project.created${more}`), auditEntrySchema);
      seen.push(...found.items.map(({ seq }) => seq));
      cursor = found.cursor;
    }
    expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => b - a));
    expect(seen.length).toBeGreaterThanOrEqual(3);
  });

  it('by administrators alone', async () => {
    const { secret } = await makeKey(['read', 'write', 'hold']);
    for (const path of [LOGS, `${LOGS}/export`, `${LOGS}/${crypto.randomUUID()}`]) {
      errorOf(await get(path, { token: secret }), 403, 'FORBIDDEN');
      errorOf(await get(path, { token: null }), 401, 'UNAUTHORIZED');
    }
    errorOf(await post(`${LOGS}/verify`, {}, { token: secret }), 403, 'FORBIDDEN');
  });

  it.skipIf(target.otherApiKey === undefined)('P-06 by the own tenant alone', async () => {
    const project = await makeProject();
    const [mine] = await search(`target_id=${project.id}`);
    const token = target.otherApiKey;
    expect(await search(`target_id=${project.id}`, token)).toEqual([]);
    const unknown = errorOf(await get(`${LOGS}/${crypto.randomUUID()}`, { token }), 404, 'NOT_FOUND');
    const foreign = errorOf(await get(`${LOGS}/${mine!.id}`, { token }), 404, 'NOT_FOUND');
    expect(foreign.message).toBe(unknown.message);
    expect((await get(`${LOGS}/export`, { token })).text).not.toContain(project.id);
  });

  it.each([
    ['from=yesterday', ['from']],
    ['action=(.*)%2B', ['action']],
    ['outcome=maybe', ['outcome']],
    ['limit=0', ['limit']],
    ['cursor=abc', ['cursor']],
    ['chain=all', ['chain']],
    ['text=x', ['text']],
    ['colour=red', ['colour']],
    [`ip=${'1'.repeat(50)}`, ['ip']],
  ])('refuses %s', async (query, fields) => {
    expect(fieldsOf(await get(`${LOGS}?${query}`))).toEqual(fields);
  });
});

/** RFC 8785, for values without numbers beyond whole ones. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}
