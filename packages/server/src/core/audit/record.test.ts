import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import type { Ctx } from '../context.ts';
import { transactOnce } from '../once/index.ts';
import { hashEntry, NO_HASH } from './entry.ts';
import { auditor, recordAudit, SYSTEM_TENANT } from './index.ts';
import { selectBatch } from './read-queries.ts';

const CLIENT = { ip: '203.0.113.7', userAgent: 'curl/8.0 (test)' };
const ADMITTED = { action: 'thing.done', targets: [{ type: 'thing', id: '1' }] };

describe.each(ENGINES)('the audit log on %s', (engine) => {
  let h: Harness;
  let tenantId: string;
  let ctx: Ctx;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  beforeEach(async () => {
    ({ tenantId } = await h.createTenant());
    ctx = { ...h.ctxFor({ tenantId, actor: 'user:ann' }), client: CLIENT };
  });
  afterAll(() => h.close());

  const record = (entry: Partial<Parameters<typeof recordAudit>[2]> = {}, who = auditor(ctx)) =>
    h.db.transaction((tx) => recordAudit(tx, who, { ...ADMITTED, ...entry }));
  const entries = () => auditEntries(h.db, tenantId);
  const stored = () => selectBatch(h.db, tenantId, 0, 1000);

  it('c.8 keeps who, what, from where and when, chained by hashes', async () => {
    await record();
    await record({ outcome: 'denied', details: { limit: 3 } });
    const [first, second] = await stored();
    expect(first).toMatchObject({
      seq: 1,
      action: 'thing.done',
      outcome: 'success',
      actor: { type: 'user', id: 'user:ann', on_behalf_of: null },
      targets: [{ type: 'thing', id: '1' }],
      context: { request_id: ctx.requestId },
      diff: null,
      schema_version: 1,
      prev_hash: NO_HASH,
    });
    expect(Math.abs(Date.parse(first!.occurred_at) - Date.now())).toBeLessThan(60_000);
    expect(second).toMatchObject({
      seq: 2,
      outcome: 'denied',
      prev_hash: first!.hash,
      context: { details: { limit: 3 } },
    });
    for (const entry of [first!, second!]) expect(hashEntry(entry)).toBe(entry.hash);
    const head = await h.db.kysely
      .selectFrom('audit_heads')
      .select(['seq', 'hash'])
      .where('tenant_id', '=', tenantId)
      .execute();
    expect(head).toEqual([{ seq: 2, hash: second!.hash }]);
  });

  it('BF-5.3.b keeps before and after by path, and nothing of what stayed', async () => {
    await record({
      before: { name: 'Old', tags: ['a'], keep: 1, gone: true, updated_at: '1' },
      after: { name: 'New', tags: ['a', 'b'], keep: 1, 'a/b': { '~': 2 }, updated_at: '2' },
    });
    expect((await entries())[0]!.diff).toEqual([
      { path: '/name', before: 'Old', after: 'New' },
      { path: '/tags/1', after: 'b' },
      { path: '/gone', before: true },
      { path: '/a~1b', after: { '~': 2 } },
    ]);
  });

  it('has the hash of what the database gives back, whatever it is', async () => {
    const odd = JSON.parse(
      '{"__proto__": {"a": 1}, "constructor": [], "10": 1, "2": 2, "": "\\u0000"}',
    ) as object;
    const values = {
      odd,
      numbers: [-0, 1e308, 5e-324, 0.1 + 0.2, 2 ** 60],
      text: '\ud800 é 👩‍👩‍👧 \u2028 "\\',
      date: new Date(0),
    };
    await record({ details: values, before: values, after: { ...values, text: '', constructor: 1 } });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), async (details) => {
        await record({ details, after: details });
      }),
      { numRuns: 20 },
    );
    for (const entry of await stored()) expect(hashEntry(entry)).toBe(entry.hash);
    expect(await stored()).toHaveLength(21);
  });

  it('is undone with the change it is about', async () => {
    const failing = h.db.transaction(async (tx) => {
      await recordAudit(tx, auditor(ctx), ADMITTED);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await entries()).toEqual([]);
    await record();
    expect((await entries()).map(({ seq }) => seq)).toEqual([1]);
  });

  it('numbers several entries of one transaction', async () => {
    await h.db.transaction(async (tx) => {
      await recordAudit(tx, auditor(ctx), ADMITTED);
      await recordAudit(tx, auditor(ctx), ADMITTED);
    });
    expect((await stored()).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('P-05 loses and forks nothing under 50 concurrent writers', async () => {
    const who = (n: number) => ({ ...auditor(ctx), actor: `user:${n % 7}` });
    await Promise.all(
      Array.from({ length: 50 }, async (_, writer) => {
        for (let turn = 0; turn < 4; turn += 1) {
          await record({ targets: [{ type: 'thing', id: `${writer}-${turn}` }] }, who(writer));
        }
      }),
    );
    const chain = await stored();
    expect(chain.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    expect(new Set(chain.map(({ targets }) => targets[0]!.id)).size).toBe(200);
    chain.forEach((entry, index) => {
      expect(entry.prev_hash).toBe(chain[index - 1]?.hash ?? NO_HASH);
      expect(hashEntry(entry)).toBe(entry.hash);
    });
  }, 60_000);

  it('writes a repeated request once', async () => {
    const once = { ...ctx, idempotencyKey: randomUUID() };
    const verb = () =>
      transactOnce(once, 'thing.do', {}, async (tx) => {
        await recordAudit(tx, auditor(once), ADMITTED);
        return {};
      });
    await verb();
    await verb();
    expect(await entries()).toHaveLength(1);
  });

  it('has a chain of its own for what happens before a tenant is known', async () => {
    const details = { marker: randomUUID() };
    const stranger = { tenantId: SYSTEM_TENANT, actor: 'anonymous', client: CLIENT, requestId: 'r-1' };
    await record({ action: 'login.failed', details }, stranger);
    expect(await entries()).toEqual([]);
    const found = (await auditEntries(h.db, SYSTEM_TENANT)).find(
      ({ context }) => context.details?.['marker'] === details.marker,
    );
    expect(found?.actor).toEqual({ type: 'anonymous', id: 'anonymous', on_behalf_of: null });
  });

  it('names the service and the user it speaks for', async () => {
    const principal = { ...ctx.principal, kind: 'service' as const, service: 'chat', userId: 'u1' };
    await record({}, auditor({ ...ctx, principal }));
    expect((await entries())[0]!.actor).toEqual({
      type: 'service',
      id: 'service:chat',
      on_behalf_of: 'user:u1',
    });
  });

  describe('BF-5.3.d refuses in the database', () => {
    beforeEach(() => record());
    const mine = () => sql`tenant_id = ${tenantId}`;
    it.each([
      ['an update', () => sql`update audit_entries set action = 'nothing' where ${mine()}`],
      ['a delete', () => sql`delete from audit_entries where ${mine()}`],
      ['a truncate', () => sql`truncate audit_entries`],
      ['a truncate that cascades', () => sql`truncate audit_entries cascade`],
      ['the end of a chain to be set back', () => sql`update audit_heads set seq = 0 where ${mine()}`],
      ['the end of a chain to be deleted', () => sql`delete from audit_heads where ${mine()}`],
      ['all ends to be truncated', () => sql`truncate audit_heads`],
    ])('%s', async (_name, statement) => {
      const failing = h.db.transaction((tx) => statement().execute(tx.kysely));
      await expect(failing).rejects.toThrow(/append-only|moves forward/);
      expect(await entries()).toHaveLength(1);
    });

    it('the retention itself to take what no checkpoint covers', async () => {
      const failing = h.db.transaction(async (tx) => {
        await sql`select set_config('holdfast.audit_retention', 'on', true)`.execute(tx.kysely);
        await sql`delete from audit_entries where ${mine()}`.execute(tx.kysely);
      });
      await expect(failing).rejects.toThrow(/append-only/);
      expect(await entries()).toHaveLength(1);
    });
  });
});
