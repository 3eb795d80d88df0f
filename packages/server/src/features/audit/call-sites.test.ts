import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { SECRET } from '../../../test/identity-harness.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { openBytes, SEALED, valueKeyOf } from '../../core/audit/index.ts';
import type { Ctx } from '../../core/context.ts';
import { deleteDocument, putDocument } from '../../core/document/index.ts';
import { bootstrap, createApiKey, revokeApiKey } from '../../core/identity/index.ts';
import { createProject, updateProject } from '../../core/project/index.ts';
import { createAccounts } from '../../infra/auth/index.ts';
import { openDb } from '../../infra/db/index.ts';
import { createAgent, updateAgent } from '../agent/index.ts';

describe.each(ENGINES)('BF-5.3.a BF-5.3.b changes are recorded on %s', (engine) => {
  let h: Harness;
  let tenantId: string;
  let projectId: string;
  let ctx: Ctx;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  beforeEach(async () => {
    ({ tenantId, projectId } = await h.createTenant());
    ctx = {
      ...h.ctxFor({ tenantId, actor: 'user:ann' }),
      client: { ip: '203.0.113.7', userAgent: 'agent 1' },
    };
  });
  afterAll(() => h.close());

  /** The only entry: by whom, from where (decrypted), about what. */
  async function recorded(action: string, target: { type: string; id: string }) {
    const entries = await auditEntries(h.db, tenantId, action);
    expect(entries).toHaveLength(1);
    const [entry] = entries;
    expect(entry).toMatchObject({ actor: { type: 'user', id: 'user:ann' }, targets: [target] });
    expect(entry!.context.request_id).toBe(ctx.requestId);
    expect(await opened(entry!.context.ip)).toBe('203.0.113.7');
    expect(await opened(entry!.context.user_agent)).toBe('agent 1');
    return entry!.diff;
  }
  async function opened(sealed: string | null): Promise<string | null> {
    const [[, id, bytes] = []] = [...(sealed ?? '').matchAll(SEALED)];
    const key = await h.db.kysely
      .selectFrom('audit_subjects')
      .select(['id', 'key'])
      .where('tenant_id', '=', tenantId)
      .where('id', '=', id!)
      .executeTakeFirstOrThrow();
    return openBytes(valueKeyOf(key, bytes!), bytes!);
  }
  /** A verb that fails leaves nothing. */
  const leavesNothing = async (...failing: (() => Promise<unknown>)[]) => {
    const before = await auditEntries(h.db, tenantId);
    for (const verb of failing) await expect(verb()).rejects.toThrow();
    expect(await auditEntries(h.db, tenantId)).toEqual(before);
  };
  const asReader = () => h.ctxFor({ tenantId, scopes: ['read'] });
  const asStranger = async () => h.ctxFor(await h.createTenant());

  it('of projects', async () => {
    const { id } = await createProject(ctx, { name: 'Old', metadata: {} });
    expect(await recorded('project.created', { type: 'project', id })).toContainEqual({
      path: '/name',
      after: 'Old',
    });
    await updateProject(ctx, id, { name: 'New' });
    expect(await recorded('project.updated', { type: 'project', id })).toEqual([
      { path: '/name', before: 'Old', after: 'New' },
    ]);
    const stranger = await asStranger();
    await leavesNothing(
      () => createProject(asReader(), { name: 'x', metadata: {} }),
      () => updateProject(asReader(), id, { name: 'x' }),
      () => updateProject(stranger, id, { name: 'x' }),
      () => updateProject(ctx, randomUUID(), { name: 'x' }),
    );
  });

  it('of agents', async () => {
    const input = { project_id: projectId, name: 'Old', instructions: 'Be brief.' };
    const { id } = await createAgent(ctx, input as never);
    expect(await recorded('agent.created', { type: 'agent', id })).toContainEqual({
      path: '/name',
      after: 'Old',
    });
    await updateAgent(ctx, id, { name: 'New', tools: ['calculate'] });
    expect(await recorded('agent.updated', { type: 'agent', id })).toEqual([
      { path: '/name', before: 'Old', after: 'New' },
      { path: '/tools/0', after: 'calculate' },
    ]);
    const stranger = await asStranger();
    await leavesNothing(
      () => createAgent(asReader(), input as never),
      () => createAgent(ctx, { ...input, project_id: randomUUID() } as never),
      () => updateAgent(stranger, id, { name: 'x' }),
    );
  });

  it('of documents', async () => {
    const put = (content: string, who = ctx) =>
      putDocument(who, projectId, { name: 'a.md', media_type: 'text/markdown', content });
    const { document } = await put('# One');
    const target = { type: 'document', id: document.id };
    expect(await recorded('document.created', target)).toContainEqual({ path: '/name', after: 'a.md' });
    await put('# One');
    await put('# Three');
    expect(await recorded('document.updated', target)).toEqual([
      { path: '/size_bytes', before: 5, after: 7 },
      { path: '/content_hash', before: document.content_hash, after: expect.any(String) },
    ]);
    const stranger = await asStranger();
    await leavesNothing(
      () => put('# Four', asReader()),
      () => put('# Four', stranger),
      () => deleteDocument(asReader(), document.id),
      () => deleteDocument(stranger, document.id),
    );
    await deleteDocument(ctx, document.id);
    expect(await recorded('document.deleted', target)).toContainEqual({ path: '/name', before: 'a.md' });
    await leavesNothing(() => deleteDocument(ctx, document.id));
  });

  it('of API keys, and never a key itself', async () => {
    const { id, secret } = await createApiKey(ctx, { name: 'CI', scopes: ['read'] });
    const diff = await recorded('api_key.created', { type: 'api_key', id });
    expect(diff).toContainEqual({ path: '/scopes', after: ['read'] });
    await revokeApiKey(ctx, id);
    await revokeApiKey(ctx, id);
    expect(await recorded('api_key.revoked', { type: 'api_key', id })).toEqual([
      { path: '/revoked_at', before: null, after: expect.any(String) },
    ]);
    expect(JSON.stringify(await auditEntries(h.db, tenantId))).not.toContain(secret!.slice(11));
    await leavesNothing(
      () => createApiKey(asReader(), { name: 'x', scopes: ['read'] }),
      () => revokeApiKey(ctx, randomUUID()),
    );
  });
});

it('BF-5.3.a the first tenant is recorded', async () => {
  const db = await openDb({ dataDir: null });
  try {
    const first = await bootstrap(
      { db, accounts: createAccounts(db, SECRET) },
      { adminEmail: 'a@example.com' },
    );
    const entries = await auditEntries(db, first!.tenantId);
    expect(entries).toMatchObject([
      {
        seq: 1,
        action: 'tenant.created',
        actor: { id: 'server:bootstrap' },
        targets: [
          { type: 'tenant', id: first!.tenantId, name: 'Default' },
          { type: 'project' },
          { type: 'user' },
          { type: 'api_key' },
        ],
      },
    ]);
    expect(JSON.stringify(entries)).not.toContain(first!.apiKey.slice(11));
  } finally {
    await db.close();
  }
}, 30_000);
