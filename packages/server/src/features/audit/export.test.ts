import type { AuditExport } from '@holdfast/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { fillChain } from '../../../test/audit-tamper.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { auditor, recordAudit, type AuditEntry } from '../../core/audit/index.ts';
import type { Ctx } from '../../core/context.ts';
import { exportAudit, trimAudit, verifyAudit } from './index.ts';

const DAY = 86_400_000;

describe.each(ENGINES)('on %s', (engine) => {
  let h: Harness;
  let tenantId: string;
  let ctx: Ctx;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  beforeEach(async () => {
    ({ tenantId } = await h.createTenant());
    ctx = { ...h.ctxFor({ tenantId, actor: 'user:ann' }), client: { ip: '203.0.113.7', userAgent: 'agent' } };
  });
  afterAll(() => h.close());

  const record = (entry: Partial<AuditEntry> = {}) =>
    h.db.transaction((tx) =>
      recordAudit(tx, auditor(ctx), {
        action: 'thing.done',
        targets: [{ type: 'thing', id: '1' }],
        ...entry,
      }),
    );
  const exported = async (input: Partial<AuditExport> = {}): Promise<string> => {
    const parts = await exportAudit(ctx, { chain: 'tenant', format: 'jsonl', ...input });
    let text = '';
    for await (const part of parts) text += part;
    return text;
  };
  const linesOf = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  describe('an export', () => {
    it('has every entry with its values and what proves them, and a signed head', async () => {
      await record();
      const [first, second, head, ...rest] = linesOf(await exported());
      expect(first).toMatchObject({ seq: 1, action: 'thing.done', tenant_id: tenantId });
      const { ip, user_agent } = first!['context'] as Record<string, string>;
      expect(first!['personal']).toEqual({
        [ip!]: { value: '203.0.113.7', key: expect.any(String) },
        [user_agent!]: { value: 'agent', key: expect.any(String) },
      });
      expect(second).toMatchObject({ seq: 2, action: 'audit.exported' });
      expect(head).toMatchObject({ kind: 'head', seq: 2, hash: second!['hash'], tenant_id: tenantId });
      expect(ctx.notary.check(head as never)).toBe('valid');
      expect(rest).toEqual([]);
    });

    it('is recorded before its first part, with its filter', async () => {
      const parts = await exportAudit(ctx, { chain: 'tenant', format: 'csv', actor: 'user:x' });
      expect(await auditEntries(h.db, tenantId)).toMatchObject([
        { action: 'audit.exported', context: { details: { format: 'csv', filter: { actor: 'user:x' } } } },
      ]);
      await parts.return();
    });

    it('takes the filters of the search', async () => {
      await record();
      await record({ action: 'thing.undone' });
      expect(linesOf(await exported({ action: 'thing.undone' })).map(({ seq }) => seq)).toEqual([2]);
      expect(await exported({ ip: '203.0.113.7', to: '2001-01-01T00:00:00Z' })).toBe('');
    });

    it('as CSV begins no cell with a formula', async () => {
      await record({
        action: 'thing.done',
        targets: [{ type: 'thing', id: '=1+1', name: '@SUM(A1)' }],
        details: { note: '"quoted", and\nbroken' },
      });
      const hostile = { ...ctx, client: { ip: '203.0.113.7', userAgent: '=HYPERLINK("http://x")' } };
      for (const start of ['+1', '-1', '\t=1', '\r=1']) {
        const who = { ...auditor(hostile), client: { ip: '203.0.113.7', userAgent: start } };
        await h.db.transaction((tx) => recordAudit(tx, who, { action: 'a.b', targets: [] }));
      }
      await h.db.transaction((tx) => recordAudit(tx, auditor(hostile), { action: 'a.b', targets: [] }));
      const text = await exported({ format: 'csv' });
      expect(text.split('\r\n')[0]).toBe(
        'seq,id,occurred_at,actor,on_behalf_of,action,outcome,targets,target_names,ip,user_agent,request_id,details,diff,hash',
      );
      const cells = parseCsv(text).flat();
      expect(cells).toContain(`'=HYPERLINK("http://x")`);
      expect(cells).toContain("'@SUM(A1)");
      expect(cells).toContain(JSON.stringify({ note: '"quoted", and\nbroken' }));
      for (const cell of cells) expect(cell).not.toMatch(/^[=+\-@\t\r\n]/);
    });

    it('is refused to others', async () => {
      const weak = h.ctxFor({ tenantId, scopes: ['read', 'write', 'hold'] });
      await expect(exportAudit(weak, { chain: 'tenant', format: 'csv' })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
      await expect(exportAudit(ctx, { chain: 'system', format: 'csv' })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
      expect(await auditEntries(h.db, tenantId)).toEqual([]);
    });
  });

  describe('BF-5.3.e g.16 the retention', () => {
    /** Entry n happened on day n. */
    const fill = (count: number) =>
      fillChain(h.db, tenantId, count, (n) => ({
        occurred_at: new Date(Date.UTC(2031, 0, 1) + n * DAY).toISOString(),
      }));
    const trim = (day: number, days = 10) => {
      const clock = new ManualClock(Date.UTC(2031, 0, 1) + day * DAY);
      return trimAudit({ ...h.services, clock }, days);
    };
    const seqs = async () => (await auditEntries(h.db, tenantId)).map(({ seq }) => seq);

    it('deletes what is too old and leaves a log that can be verified', async () => {
      await fill(20);
      await trim(15.5);
      expect(await seqs()).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]);
      expect((await auditEntries(h.db, tenantId)).at(-1)).toMatchObject({
        action: 'audit.trimmed',
        actor: { id: 'server:retention' },
        context: { details: { through_seq: 5, entries: 5 } },
      });
      expect(await verifyAudit(ctx, {})).toMatchObject({ valid: true, entries: 16, last_seq: 21 });
      await trim(17.5);
      expect((await seqs())[0]).toBe(8);
      expect(await verifyAudit(ctx, {})).toMatchObject({ valid: true });
      const [checkpoint, first] = linesOf(await exported());
      expect(checkpoint).toMatchObject({ kind: 'checkpoint', seq: 7, hash: first!['prev_hash'] });
    });

    it('does nothing twice, and leaves no chain empty', async () => {
      await fill(3);
      await trim(100);
      expect(await seqs()).toEqual([4]);
      await trim(100);
      expect(await seqs()).toEqual([4]);
      expect(await verifyAudit(ctx, {})).toMatchObject({ valid: true, entries: 1, last_seq: 4 });
    });

    it('keeps what is not old enough, whatever comes after it', async () => {
      await fillChain(h.db, tenantId, 5, (n) => ({
        occurred_at: new Date(Date.UTC(2031, 0, 1) + (n === 2 ? 50 : 1) * DAY).toISOString(),
      }));
      await trim(20);
      expect(await seqs()).toEqual([2, 3, 4, 5, 6]);
    });

    it('takes more than one batch', async () => {
      await fillChain(h.db, tenantId, 11_000, () => ({ occurred_at: '2031-01-01T00:00:00.000Z' }));
      await trim(100);
      // By this clock the two entries of the first batches are old too.
      expect(await auditEntries(h.db, tenantId)).toMatchObject([{ seq: 11_003, action: 'audit.trimmed' }]);
      expect(await verifyAudit(ctx, {})).toMatchObject({ valid: true, entries: 1 });
    });

    it.each(['a changed number', 'a changed hash', 'no signature'])(
      'is found out when its checkpoint has %s',
      async (what) => {
        await fill(20);
        await trim(15.5);
        const row = h.db.kysely.updateTable('audit_checkpoints').where('tenant_id', '=', tenantId);
        const { statement } = await h.db.kysely
          .selectFrom('audit_checkpoints')
          .select('statement')
          .where('tenant_id', '=', tenantId)
          .executeTakeFirstOrThrow();
        const signed = JSON.parse(statement) as Record<string, unknown>;
        if (what === 'a changed number') {
          await row.set({ seq: 6, statement: JSON.stringify({ ...signed, seq: 6 }) }).execute();
        } else if (what === 'a changed hash') {
          await row.set({ statement: JSON.stringify({ ...signed, hash: '0'.repeat(64) }) }).execute();
        } else await row.set({ statement: '{}' }).execute();
        expect(await verifyAudit(ctx, {})).toMatchObject({ valid: false, reason: 'unsigned_start' });
      },
    );

    it('leaves other tenants alone', async () => {
      const other = await h.createTenant();
      await fillChain(h.db, other.tenantId, 2, () => ({ occurred_at: '2099-01-01T00:00:00.000Z' }));
      await fill(3);
      await trim(100);
      expect((await auditEntries(h.db, other.tenantId)).map(({ seq }) => seq)).toEqual([1, 2]);
    });
  });
});

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  return text
    .split(/\r\n(?=\d)/)
    .map((line) =>
      [...line.trimEnd().matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
      ),
    );
}
