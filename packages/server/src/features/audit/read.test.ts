import { randomUUID } from 'node:crypto';
import type { AuditFilter } from '@holdfast/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ZodError } from 'zod';
import { auditEntries } from '../../../test/audit.ts';
import { createMember, identityFor } from '../../../test/identity-harness.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import {
  auditor,
  eraseSubject,
  recordAudit,
  SYSTEM_TENANT,
  type AuditEntry,
} from '../../core/audit/index.ts';
import type { Ctx } from '../../core/context.ts';
import { getAuditEntry, listAuditEntries } from './index.ts';

const SEALED = /^sealed:[0-9a-f-]{36}:[\w-]+$/;

describe.each(ENGINES)('reading the audit log on %s', (engine) => {
  let h: Harness;
  let tenantId: string;
  let ctx: Ctx;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  beforeEach(async () => {
    ({ tenantId } = await h.createTenant());
    ctx = h.ctxFor({ tenantId, actor: 'user:reader' });
  });
  afterAll(() => h.close());

  const from = (actor: string, ip = '203.0.113.7', more: Partial<Ctx> = {}): Ctx => ({
    ...h.ctxFor({ tenantId, actor }),
    client: { ip, userAgent: 'test agent' },
    ...more,
  });
  const record = (who: Ctx, entry: Partial<AuditEntry> = {}) =>
    h.db.transaction((tx) =>
      recordAudit(tx, auditor(who), {
        action: 'thing.done',
        targets: [{ type: 'thing', id: '1' }],
        ...entry,
      }),
    );
  const list = (filter: Partial<AuditFilter> & { limit?: number; after?: number | string } = {}, who = ctx) =>
    listAuditEntries(who, { chain: 'tenant', limit: 50, ...filter });
  const seqs = async (filter: Parameters<typeof list>[0]) =>
    (await list({ ...filter })).items.filter(({ action }) => action !== 'audit.viewed').map(({ seq }) => seq);

  it('BF-5.3.c shows address and client, which are stored encrypted', async () => {
    await record(from('user:ann'));
    const [shown] = (await list({ action: 'thing.done' })).items;
    expect(shown!.context).toMatchObject({ ip: '203.0.113.7', user_agent: 'test agent' });
    const [stored] = await auditEntries(h.db, tenantId, 'thing.done');
    expect(stored!.context.ip).toMatch(SEALED);
    expect(stored!.context.user_agent).toMatch(SEALED);
  });

  describe('BF-5.3.f finds by', () => {
    beforeEach(async () => {
      await record(from('user:ann', '203.0.113.7'), {
        action: 'project.created',
        before: {},
        after: { name: 'Zürich 100%' },
      });
      await record(from('user:bob', '2001:db8::1'), {
        action: 'project.updated',
        targets: [
          { type: 'project', id: 'p1' },
          { type: 'agent', id: 'a1' },
        ],
        outcome: 'denied',
      });
      await record(from('user:ann', '203.0.113.8'), {
        action: 'projector.off',
        details: { note: 'say "hi"_\\x' },
      });
      await record(from('user:bob', '203.0.113.7'), {
        targets: [{ type: 'mail', id: 'm', name: 'Eve@Example.com' }],
      });
    });

    it.each<[string, Partial<AuditFilter>, number[]]>([
      ['actor', { actor: 'user:ann' }, [3, 1]],
      ['no part of an actor', { actor: 'user:a' }, []],
      ['action', { action: 'project.updated' }, [2]],
      ['prefix of actions', { action: 'project.*' }, [2, 1]],
      ['prefix in which nothing is a pattern', { action: 'project_*' }, []],
      ['type of target', { target_type: 'agent' }, [2]],
      ['target', { target_id: 'p1' }, [2]],
      ['target and type', { target_id: 'p1', target_type: 'agent' }, []],
      ['outcome', { outcome: 'denied' }, [2]],
      ['address', { ip: '203.0.113.7' }, [4, 1]],
      ['address, IPv6', { ip: '2001:db8::1' }, [2]],
      ['no part of an address', { ip: '203.0.113' }, []],
      ['text of a change', { text: 'zürich' }, [1]],
      ['text with signs of a pattern', { text: '100%' }, [1]],
      ['text that is no pattern', { text: 'Z%h' }, []],
      ['text that is no pattern either', { text: 'Z_rich' }, []],
      ['text as it stands in JSON', { text: 'say "hi"_\\x' }, [3]],
      ['part of an e-mail address', { text: 'eve@example' }, [4]],
      ['actor and address', { actor: 'user:bob', ip: '203.0.113.7' }, [4]],
      ['time before', { to: '2001-01-01T00:00:00Z' }, []],
      ['time after', { from: '2001-01-01T00:00:00+01:00' }, [4, 3, 2, 1]],
    ])('%s', async (_name, filter, expected) => {
      expect(await seqs(filter)).toEqual(expected);
    });

    it('exact time', async () => {
      const second = (await list()).items.find(({ seq }) => seq === 2)!;
      const [next] = (await list({ actor: 'user:ann' })).items;
      expect(await seqs({ from: second.occurred_at, to: next!.occurred_at })).toEqual([2]);
    });

    it('the e-mail of a member', async () => {
      const member = await createMember(identityFor(h.db), tenantId);
      await record(from('user:ann'), {
        action: 'member.added',
        targets: [{ type: 'user', id: member.userId, name: 'Member' }],
      });
      const found = await list({ text: member.email });
      expect(found.items.map(({ action, targets }) => [action, targets[0]?.name])).toEqual([
        ['member.added', 'Member'],
      ]);
    });
  });

  it('takes a text that would hang a pattern matcher', async () => {
    await record(from('user:ann'), { details: { note: 'a'.repeat(8000) } });
    const started = performance.now();
    expect(await seqs({ text: `${'(a+)+'.repeat(30)}$` })).toEqual([]);
    expect(await seqs({ text: '%a'.repeat(100) })).toEqual([]);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('pages newest first, without gap or repeat', async () => {
    for (let n = 0; n < 7; n += 1) await record(from('user:ann'));
    const seen: number[] = [];
    let after: string | undefined;
    do {
      const page = await list({ limit: 3, after, action: 'thing.done' });
      seen.push(...page.items.map(({ seq }) => seq));
      expect(page.total).toBe(7);
      after = page.next_cursor ?? undefined;
    } while (after !== undefined);
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1]);
  });

  it('BF-5.3.b shows one entry with its changes, secrets digested', async () => {
    await record(from('user:ann'), {
      before: { name: 'Old', api_key: 'one', token: 1234, url: 'https://u:pw@host/' },
      after: { name: 'New', api_key: 'two', token: 1234, url: 'https://u:pw2@host/' },
    });
    const [item] = (await list({ action: 'thing.done' })).items;
    expect(item).not.toHaveProperty('diff');
    const { diff } = await getAuditEntry(ctx, item!.id, 'tenant');
    const digest = expect.stringMatching(/^hmac-sha256:[\w-]{22}$/) as string;
    expect(diff).toEqual([
      { path: '/name', before: 'Old', after: 'New' },
      { path: '/api_key', before: digest, after: digest },
      {
        path: '/url',
        before: expect.stringMatching(/^hmac-sha256:/),
        after: expect.stringMatching(/^hmac-sha256:/),
      },
    ]);
    expect(diff![1]!.before).not.toBe(diff![1]!.after);
    const stored = JSON.stringify(await auditEntries(h.db, tenantId));
    for (const secret of ['one', 'two', '1234', 'pw']) expect(stored).not.toContain(`"${secret}`);
    expect(stored).not.toContain('u:pw');
  });

  it('hides other tenants and what it does not have', async () => {
    await record(from('user:ann'));
    const [mine] = (await list()).items;
    const foreign = h.ctxFor(await h.createTenant());
    const refused = { code: 'NOT_FOUND', message: 'Audit entry not found.' };
    await expect(getAuditEntry(foreign, mine!.id, 'tenant')).rejects.toMatchObject(refused);
    for (const id of [randomUUID(), 'x', ''])
      await expect(getAuditEntry(ctx, id, 'tenant')).rejects.toMatchObject(refused);
    expect((await list({ action: 'thing.done' }, foreign)).items).toEqual([]);
  });

  it('needs the scope admin, and for the chain of the installation its operator', async () => {
    const weak = h.ctxFor({ tenantId, scopes: ['read', 'write', 'hold'] });
    await expect(list({}, weak)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(getAuditEntry(weak, randomUUID(), 'tenant')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(list({ chain: 'system' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await auditEntries(h.db, tenantId)).toEqual([]);
  });

  it('shows the operator what happened before a tenant was known', async () => {
    const marker = randomUUID();
    const stranger = {
      tenantId: SYSTEM_TENANT,
      actor: 'anonymous',
      client: { ip: '198.51.100.9', userAgent: null },
    };
    await h.db.transaction((tx) =>
      recordAudit(tx, stranger, {
        action: 'login.failed',
        targets: [],
        outcome: 'failure',
        details: { marker },
      }),
    );
    const home = await homeOf(h);
    const { userId } = await createMember(identityFor(h.db), home, 'owner');
    const principal = {
      ...h.ctxFor({ tenantId: home }).principal,
      kind: 'user' as const,
      userId,
      actor: `user:${userId}`,
    };
    const operator = { ...ctx, principal };
    const { items } = await list({ chain: 'system', text: marker }, operator);
    expect(items).toMatchObject([
      { action: 'login.failed', context: { ip: '198.51.100.9' }, actor: { id: 'anonymous' } },
    ]);
    await list({}, operator);
    const viewed = (await auditEntries(h.db, home, 'audit.viewed')).filter(
      ({ actor }) => actor.id === `user:${userId}`,
    );
    expect(viewed.map(({ targets }) => targets)).toEqual([
      [{ type: 'audit_log', id: 'system' }],
      [{ type: 'audit_log', id: 'tenant' }],
    ]);
  });

  describe('BF-5.3.a looking at it is recorded', () => {
    const views = async () =>
      (await auditEntries(h.db, tenantId, 'audit.viewed')).map(({ actor }) => actor.id);

    it('once a minute for each reader', async () => {
      const other = h.ctxFor({ tenantId, actor: 'user:other' });
      await Promise.all(Array.from({ length: 8 }, (_, n) => list({}, n % 2 === 0 ? ctx : other)));
      expect((await views()).toSorted()).toEqual(['user:other', 'user:reader']);
      await getAuditEntry(ctx, randomUUID(), 'tenant').catch(() => {});
      expect(await views()).toHaveLength(2);
      const clock = new ManualClock(Date.now() + 70_000);
      await list({}, { ...ctx, clock });
      expect(await views()).toHaveLength(3);
    });
  });

  describe('g.23 a person is erased', () => {
    const erase = (userId: string, emails: string[] = []) =>
      h.db.transaction((tx) => eraseSubject(tx, { userId, emails }));

    it('from what they did, while the entries stay', async () => {
      const user = randomUUID();
      await record(from(`user:${user}`));
      await record(from('user:ann'));
      expect(await erase(user)).toBe(1);
      const { items } = await list({ action: 'thing.done' });
      expect(items.map(({ actor, context }) => [actor.id, context.ip])).toEqual([
        ['user:ann', '203.0.113.7'],
        [`user:${user}`, '[erased]'],
      ]);
      await record(from(`user:${user}`));
      expect((await list({ action: 'thing.done', limit: 1 })).items[0]!.context.ip).toBe('203.0.113.7');
    });

    it('from what was done to them, and by their address', async () => {
      const user = randomUUID();
      await record(from('user:ann'), {
        targets: [{ type: 'user', id: user, name: 'Eve Example' }],
        before: { name: 'Eve', email: 'old@example.com', role: 'member' },
        after: { name: 'Eve Example', email: 'eve@example.com', role: 'admin' },
      });
      await record(from('user:ann'), { details: { tried: 'EVE@example.com, again' } });
      const detail = async (seq: number) => {
        const item = (await list()).items.find((each) => each.seq === seq)!;
        return getAuditEntry(ctx, item.id, 'tenant');
      };
      expect(await detail(1)).toMatchObject({
        targets: [{ id: user, name: 'Eve Example' }],
        diff: [{ before: 'Eve', after: 'Eve Example' }, { before: 'old@example.com' }, { after: 'admin' }],
      });
      expect((await detail(2)).context.details).toEqual({ tried: 'EVE@example.com, again' });
      expect(JSON.stringify(await auditEntries(h.db, tenantId))).not.toMatch(/eve|example/i);
      await erase(user, ['Eve@example.com']);
      expect(await detail(1)).toMatchObject({
        targets: [{ id: user, name: '[erased]' }],
        diff: [
          { path: '/name', before: '[erased]', after: '[erased]' },
          { path: '/email', before: '[erased]', after: '[erased]' },
          { path: '/role', before: 'member', after: 'admin' },
        ],
      });
      expect((await detail(2)).context.details).toEqual({ tried: '[erased], again' });
    });

    it('and nobody can make a text look erased', async () => {
      const fake = `sealed:${randomUUID()}:${'A'.repeat(40)}`;
      await record(from('user:ann'), { details: { note: fake } });
      expect((await list({ action: 'thing.done' })).items[0]!.context.details).toEqual({ note: fake });
    });
  });

  it.each([
    ['action', { action: 'a(b' }],
    ['action', { action: '*' }],
    ['outcome', { outcome: 'maybe' }],
    ['from', { from: 'yesterday' }],
    ['text', { text: 'x' }],
    ['text', { text: 'x'.repeat(201) }],
    ['limit', { limit: 101 }],
    ['after', { after: 'x' }],
    ['chain', { chain: 'all' }],
  ])('refuses a bad %s', async (field, filter) => {
    const error = await list(filter as never).catch((thrown: unknown) => thrown);
    expect(error instanceof ZodError ? error.issues[0]?.path.join('.') : error).toBe(field);
  });
});

/** The first tenant of the shared database. */
async function homeOf(h: Harness): Promise<string> {
  const find = () =>
    h.db.kysely.selectFrom('tenants').select('id').where('is_home', '=', true).executeTakeFirst();
  const home = await find();
  if (home !== undefined) return home.id;
  const { tenantId } = await h.createTenant();
  await h.db.kysely.updateTable('tenants').set({ is_home: true }).where('id', '=', tenantId).execute();
  return tenantId;
}
