import { afterEach, describe, expect, it } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { purgeApiUsage, readApiUsage, UsageCounter } from './index.ts';

const open: Harness[] = [];
afterEach(async () => {
  for (const h of open.splice(0)) await h.close();
});

const LIST = 'GET /api/v1/agents';
const PUT = 'PUT /api/v1/agents/:agent_id';

async function setUp(engine: 'pglite' | 'postgres') {
  const clock = new ManualClock(Date.UTC(2030, 5, 15, 12));
  const h = await openHarness({ engine, clock });
  open.push(h);
  const { tenantId } = await h.createTenant();
  const usage = new UsageCounter(h.services);
  const ctx = { ...h.ctxFor({ tenantId }), usage, isDeprecated: (route: string) => route === PUT };
  const use = (route: string, principal = 'key:a', version = 'v1', of = tenantId) =>
    usage.count({ tenantId: of, version, route, principal });
  return { h, clock, tenantId, usage, ctx, use };
}

const rowsOf = (h: Harness, tenantId: string) =>
  h.db.kysely.selectFrom('api_usage').selectAll().where('tenant_id', '=', tenantId).execute();

describe.each(ENGINES)('API usage on %s', (engine) => {
  it('BF-1.4.f rises with each call, by version, route, caller and day', async () => {
    const { ctx, use, clock } = await setUp(engine);
    use(LIST);
    use(LIST);
    use(LIST, 'user:ada');
    use('GET /api/v2/agents', 'key:a', 'v2');
    clock.advance(86_400_000);
    use(PUT);
    const first = await readApiUsage(ctx, {});
    expect(first).toMatchObject({ from: '2030-05-18', to: '2030-06-16' });
    expect(first.versions).toEqual([
      {
        version: 'v1',
        requests: 4,
        days: [
          { day: '2030-06-15', requests: 3 },
          { day: '2030-06-16', requests: 1 },
        ],
        routes: [
          { route: LIST, deprecated: false, requests: 3 },
          { route: PUT, deprecated: true, requests: 1 },
        ],
        principals: [
          { principal: 'key:a', requests: 3 },
          { principal: 'user:ada', requests: 1 },
        ],
      },
      {
        version: 'v2',
        requests: 1,
        days: [{ day: '2030-06-15', requests: 1 }],
        routes: [{ route: 'GET /api/v2/agents', deprecated: false, requests: 1 }],
        principals: [{ principal: 'key:a', requests: 1 }],
      },
    ]);
    use(LIST);
    expect((await readApiUsage(ctx, { version: 'v1' })).versions[0]!.requests).toBe(5);
    const oneDay = await readApiUsage(ctx, { from: '2030-06-16', to: '2030-06-16' });
    expect(oneDay.versions.map(({ requests }) => requests)).toEqual([2]);
  });

  it('adds what several servers counted, and keeps tenants apart', async () => {
    const { h, ctx, use, tenantId } = await setUp(engine);
    const elsewhere = new UsageCounter(h.services);
    const other = await h.createTenant();
    for (let i = 0; i < 50; i += 1) {
      use(LIST);
      use(LIST, 'key:a', 'v1', other.tenantId);
      elsewhere.count({ tenantId, version: 'v1', route: LIST, principal: 'key:a' });
    }
    await Promise.all([ctx.usage.flush(), elsewhere.flush()]);
    expect((await readApiUsage(ctx, {})).versions[0]!.requests).toBe(100);
    expect(await rowsOf(h, other.tenantId)).toMatchObject([{ count: 50 }]);
  });

  it('is written every few seconds, and when the server stops', async () => {
    const { h, clock, tenantId, usage, use } = await setUp(engine);
    const others = clock.pendingCount;
    usage.start();
    use(LIST);
    expect(await rowsOf(h, tenantId)).toEqual([]);
    clock.advance(3000);
    await expect.poll(() => rowsOf(h, tenantId)).toMatchObject([{ count: 1 }]);
    use(LIST);
    await usage.stop();
    expect(await rowsOf(h, tenantId)).toMatchObject([{ count: 2 }]);
    expect(clock.pendingCount).toBe(others);
  });

  it('is kept when the database fails, and written later, once', async () => {
    const { h, tenantId, ctx } = await setUp(engine);
    let fails = true;
    const db = Object.create(h.db) as typeof h.db;
    db.query = (statement, values) =>
      fails ? Promise.reject(new Error('no database')) : h.db.query(statement, values);
    const usage = new UsageCounter({ ...h.services, db });
    const use = { tenantId, version: 'v1', route: LIST, principal: 'key:a' };
    usage.count(use);
    await usage.flush();
    usage.count(use);
    fails = false;
    await usage.flush();
    await usage.flush();
    expect((await readApiUsage(ctx, {})).versions[0]!.requests).toBe(2);
  });

  it('forgets a tenant that is gone instead of failing for the others', async () => {
    const { h, usage, use, tenantId } = await setUp(engine);
    use(LIST, 'key:a', 'v1', '00000000-0000-4000-8000-000000000000');
    use(LIST);
    await usage.flush();
    expect(await rowsOf(h, tenantId)).toMatchObject([{ count: 1 }]);
  });

  it('is forgotten after 400 days', async () => {
    const { h, usage, tenantId } = await setUp(engine);
    const day = (ago: number) => new Date(Date.now() - ago * 86_400_000);
    for (const ago of [399, 402]) {
      const past = new UsageCounter({ ...h.services, clock: new ManualClock(day(ago).getTime()) });
      past.count({ tenantId, version: 'v1', route: LIST, principal: `key:${ago}` });
      await past.flush();
    }
    await usage.flush();
    expect(await purgeApiUsage(h.services)).toBeGreaterThanOrEqual(1);
    expect((await rowsOf(h, tenantId)).map(({ principal }) => principal)).toEqual(['key:399']);
  });

  it('is for admins, and says which day is wrong', async () => {
    const { h, ctx, tenantId } = await setUp(engine);
    const reader = { ...ctx, ...h.ctxFor({ tenantId, scopes: ['read', 'write'] }) };
    await expect(readApiUsage(reader, {})).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const backwards = readApiUsage(ctx, { from: '2030-06-02', to: '2030-06-01' });
    await expect(backwards).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      extras: { details: { field: 'from' } },
    });
  });
});
