import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ZodError } from 'zod';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import type { Ctx, Scope } from '../context.ts';
import { createApiKey, listApiKeys, revokeApiKey } from './index.ts';

const PAGE = { limit: 20 };

describe.each(ENGINES)('API keys on %s', (engine) => {
  let h: Harness;
  let ctx: Ctx;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 30_000);
  beforeEach(async () => {
    const { tenantId } = await h.createTenant();
    ctx = h.ctxFor({ tenantId, actor: 'user:ann' });
  });
  afterAll(() => h.close());

  const create = (name = 'Key') => createApiKey(ctx, { name, scopes: ['read'] });

  it('tells the secret once, and stores neither it nor more than its first characters', async () => {
    const { secret, ...key } = await createApiKey(ctx, {
      name: '  CI  ',
      scopes: ['write', 'read'],
      expires_at: '2999-01-01T00:00:00+01:00',
    });
    expect(secret).toMatch(/^hf_[A-Za-z0-9_-]{43}$/);
    expect(key).toEqual({
      id: expect.any(String),
      name: 'CI',
      prefix: secret!.slice(0, 11),
      scopes: ['write', 'read'],
      created_by: 'user:ann',
      created_at: expect.any(String),
      expires_at: '2998-12-31T23:00:00.000Z',
      revoked_at: null,
      last_used_at: null,
      previous_expires_at: null,
    });
    expect(await listApiKeys(ctx, PAGE)).toEqual({ items: [key], limit: 20, next_cursor: null, total: 1 });
    const stored = await h.db.kysely.selectFrom('api_keys').selectAll().where('id', '=', key.id).execute();
    expect(JSON.stringify(stored)).not.toContain(secret!.slice(11));
  });

  it('lists newest first, page by page', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift((await create(`Key ${n}`)).id);
    const seen: string[] = [];
    let after: string | undefined;
    for (let page = 0; page < 3; page += 1) {
      const answer = await listApiKeys(ctx, { limit: 2, after });
      seen.push(...answer.items.map((key) => key.id));
      after = answer.next_cursor ?? undefined;
      expect(after === undefined).toBe(page === 2);
    }
    expect(seen).toEqual(ids);
  });

  it('keeps the time of the first revocation', async () => {
    const { id } = await create();
    const first = await revokeApiKey(ctx, id);
    expect(first.revoked_at).not.toBeNull();
    expect(await revokeApiKey(ctx, id)).toEqual(first);
    expect((await listApiKeys(ctx, PAGE)).items).toEqual([first]);
  });

  it('hides the keys of another tenant', async () => {
    const { id } = await create();
    const foreign = h.ctxFor(await h.createTenant());
    await expect(revokeApiKey(foreign, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await listApiKeys(foreign, PAGE)).items).toEqual([]);
    expect((await listApiKeys(ctx, PAGE)).items[0]?.revoked_at).toBeNull();
  });

  it('needs the scope admin', async () => {
    const { id } = await create();
    const scopes: Scope[] = ['read', 'write', 'hold'];
    const weak = h.ctxFor({ tenantId: ctx.principal.tenantId, scopes });
    const forbidden = { code: 'FORBIDDEN' };
    await expect(createApiKey(weak, { name: 'Key', scopes: ['read'] })).rejects.toMatchObject(forbidden);
    await expect(listApiKeys(weak, PAGE)).rejects.toMatchObject(forbidden);
    await expect(revokeApiKey(weak, id)).rejects.toMatchObject(forbidden);
  });

  it.each([
    ['name', { scopes: ['read'] }],
    ['name', { name: ' ', scopes: ['read'] }],
    ['name', { name: 'x'.repeat(201), scopes: ['read'] }],
    ['scopes', { name: 'Key' }],
    ['scopes', { name: 'Key', scopes: [] }],
    ['scopes', { name: 'Key', scopes: ['read', 'read'] }],
    ['scopes.0', { name: 'Key', scopes: ['root'] }],
    ['expires_at', { name: 'Key', scopes: ['read'], expires_at: 'tomorrow' }],
    ['expires_at', { name: 'Key', scopes: ['read'], expires_at: '2999-02-30T00:00:00Z' }],
    ['expires_at', { name: 'Key', scopes: ['read'], expires_at: 4e12 }],
    ['', { name: 'Key', scopes: ['read'], colour: 'red' }],
  ])('refuses a bad %s and writes nothing', async (field, input) => {
    const error = await createApiKey(ctx, input as never).catch((thrown: unknown) => thrown);
    expect(error instanceof ZodError ? error.issues[0]?.path.join('.') : error).toBe(field);
    expect((await listApiKeys(ctx, PAGE)).items).toEqual([]);
  });

  it('refuses an expiry in the past', async () => {
    const input = { name: 'Key', scopes: ['read' as const], expires_at: '2001-01-01T00:00:00Z' };
    await expect(createApiKey(ctx, input)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      extras: { errors: [{ field: 'expires_at' }] },
    });
    expect((await listApiKeys(ctx, PAGE)).items).toEqual([]);
  });

  it('answers what is no id like an unknown one', async () => {
    for (const id of ['x', '', 'a\0', "' or 1=1", randomUUID()]) {
      await expect(revokeApiKey(ctx, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
  });

  it('makes one key of a repeated request, and keeps its secret nowhere', async () => {
    const once = { ...ctx, idempotencyKey: randomUUID() };
    const input = { name: 'Key', scopes: ['read' as const] };
    const first = await createApiKey(once, input);
    expect(await createApiKey(once, input)).toEqual({ ...first, secret: null });
    expect((await listApiKeys(ctx, PAGE)).items).toHaveLength(1);
    const stored = await h.db.kysely
      .selectFrom('idempotency_keys')
      .select('body')
      .where('key', '=', once.idempotencyKey)
      .execute();
    expect(stored).toHaveLength(1);
    expect(stored[0]?.body).not.toContain(first.secret!.slice(11));
  });
});
