import { afterEach, describe, expect, it } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { createLocalBus } from '../../infra/bus/local-bus.ts';
import { FlagCache, listFlags, setFlag } from './index.ts';

const open: Harness[] = [];
afterEach(async () => {
  for (const h of open.splice(0)) await h.close();
});

async function setUp(engine: 'pglite' | 'postgres') {
  const clock = new ManualClock();
  const bus = createLocalBus();
  const h = await openHarness({ engine, clock, bus });
  open.push(h);
  const { tenantId } = await h.createTenant();
  const flags = new FlagCache(h.services);
  const ctx = { ...h.ctxFor({ tenantId, actor: 'user:ada' }), flags };
  return { h, clock, tenantId, flags, ctx };
}

const ON = { version: 'v2', name: 'list_links', enabled: true } as const;

describe.each(ENGINES)('feature flags on %s', (engine) => {
  it('have their defaults until somebody sets one', async () => {
    const { ctx, flags, tenantId } = await setUp(engine);
    const listed = await listFlags(ctx);
    expect(listed.map(({ version, name }) => `${version}/${name}`)).toEqual([
      'v1/list_links',
      'v2/list_links',
    ]);
    expect(listed[0]).toMatchObject({ enabled: false, default: false, updated_by: null, updated_at: null });
    expect(await flags.isOn(tenantId, 'v1', 'list_links')).toBe(false);
  });

  it('BF-1.4.d a flag on for v2 changes only v2, of one tenant, at once', async () => {
    const { h, ctx, flags, tenantId } = await setUp(engine);
    expect(await flags.isOn(tenantId, 'v2', 'list_links')).toBe(false);
    const set = await setFlag(ctx, ON);
    expect(set).toMatchObject({ ...ON, updated_by: 'user:ada', updated_at: expect.any(String) });
    expect(await flags.statesOf(tenantId, 'v2')).toEqual({ list_links: true });
    expect(await flags.statesOf(tenantId, 'v1')).toEqual({ list_links: false });
    const other = await h.createTenant();
    expect(await flags.isOn(other.tenantId, 'v2', 'list_links')).toBe(false);
    expect((await listFlags(ctx)).map(({ enabled }) => enabled)).toEqual([false, true]);
    await setFlag(ctx, { ...ON, enabled: false });
    expect(await flags.isOn(tenantId, 'v2', 'list_links')).toBe(false);
  });

  it('reach another server through the hint, or within five seconds without it', async () => {
    const { h, clock, ctx, tenantId } = await setUp(engine);
    const hinted = new FlagCache(h.services);
    const deaf = new FlagCache({ ...h.services, bus: createLocalBus() });
    for (const flags of [hinted, deaf]) expect(await flags.isOn(tenantId, 'v2', 'list_links')).toBe(false);
    await setFlag(ctx, ON);
    await Promise.resolve();
    expect(await hinted.isOn(tenantId, 'v2', 'list_links')).toBe(true);
    expect(await deaf.isOn(tenantId, 'v2', 'list_links')).toBe(false);
    clock.advance(5000);
    expect(await deaf.isOn(tenantId, 'v2', 'list_links')).toBe(true);
  });

  it('need the scope admin, and are known by name', async () => {
    const { h, tenantId, flags, ctx } = await setUp(engine);
    const reader = { ...h.ctxFor({ tenantId, scopes: ['read', 'write', 'hold'] }), flags };
    await expect(setFlag(reader, ON)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(listFlags(reader)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(setFlag(ctx, { ...ON, name: 'nope' } as never)).rejects.toThrow('list_links');
    expect(await flags.isOn(tenantId, 'v2', 'list_links')).toBe(false);
  });

  it('are audited with what they were before', async () => {
    const { h, tenantId, ctx } = await setUp(engine);
    await setFlag(ctx, ON);
    const entries = await h.db.kysely
      .selectFrom('audit_entries')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('action', '=', 'feature_flag.updated')
      .execute();
    expect(entries).toHaveLength(1);
    expect(JSON.stringify(entries[0])).toContain('v2/list_links');
  });
});
