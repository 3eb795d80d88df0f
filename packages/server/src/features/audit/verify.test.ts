import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { SignedHead } from '@holdfast/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newHeadsFile, newSigningKey } from '../../../test/audit.ts';
import { chainOf, rechain, replaceChain, tamper } from '../../../test/audit-tamper.ts';
import { ENGINES, openHarness, silentLogger, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { auditor, recordAudit } from '../../core/audit/index.ts';
import type { Ctx, Services } from '../../core/context.ts';
import type { Notary } from '../../core/ports.ts';
import { createNotary } from '../../infra/audit/index.ts';
import { HeadKeeper, verifyAudit } from './index.ts';

const HOUR = 3_600_000;
const OPTIONS = { everyEntries: 1000, everyMs: HOUR };
const SECRET = 'a secret that is long enough to be one';

describe.each(ENGINES)('verification on %s', (engine) => {
  let h: Harness;
  let file: string;
  let notary: Notary;
  let services: Services;
  let tenantId: string;
  let ctx: Ctx;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  beforeEach(async () => {
    file = newHeadsFile();
    notary = createNotary({ secret: SECRET, signingKey: newSigningKey(), headsFile: file });
    services = h.otherServices({ notary });
    ({ tenantId } = await h.createTenant());
    ctx = h.ctxFor({ tenantId, services });
  });
  afterAll(() => h.close());

  const record = async (count: number) => {
    for (let n = 0; n < count; n += 1) {
      const entry = { action: 'thing.done', targets: [{ type: 'thing', id: `${n}` }] };
      await h.db.transaction((tx) => recordAudit(tx, auditor(ctx), entry));
    }
  };
  /** Others' chains, of this shared database, are of no interest. */
  const keeper = (options = OPTIONS, own: Partial<Services> = {}) =>
    new HeadKeeper({ ...services, ...own }, options);
  const signNow = () => keeper().tick(true);
  const verify = () => verifyAudit(ctx, {});
  const chain = () => chainOf(h.db, tenantId);
  const rewrite = (change: (rows: Awaited<ReturnType<typeof chain>>) => ReturnType<typeof rechain>) =>
    chain().then((rows) => tamper(h.db, (tx) => replaceChain(tx, tenantId, change(rows))));
  const headLines = () =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as SignedHead);

  it('BF-5.3.d says that an untouched log is whole, and records that it was asked', async () => {
    await record(5);
    await signNow();
    expect(await verify()).toEqual({
      valid: true,
      entries: 5,
      last_seq: 5,
      first_bad_seq: null,
      reason: null,
      message: null,
      heads_checked: 1,
      heads_skipped: 0,
      reseals: 0,
    });
    expect((await chain()).at(-1)).toMatchObject({ action: 'audit.verified', outcome: 'success', seq: 6 });
    expect(await verify()).toMatchObject({ valid: true, entries: 6 });
  });

  it('says so of an empty log', async () => {
    expect(await verify()).toMatchObject({ valid: true, entries: 0, last_seq: 0 });
  });

  it('finds an edit', async () => {
    await record(5);
    await tamper(h.db, (tx) =>
      tx.kysely
        .updateTable('audit_entries')
        .set({ actor: JSON.stringify({ type: 'user', id: 'user:mallory', on_behalf_of: null }) })
        .where('tenant_id', '=', tenantId)
        .where('seq', '=', 3)
        .execute(),
    );
    expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 3, reason: 'altered' });
    expect((await chain()).at(-1)).toMatchObject({ action: 'audit.verified', outcome: 'failure' });
  });

  it('finds an edit with a new hash', async () => {
    await record(5);
    await rewrite((rows) => {
      const [forged] = rechain([{ ...rows[2]!, action: 'nothing.happened' }], 3, rows[1]!.hash);
      return rows.with(2, forged!);
    });
    expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 3, reason: 'broken_link' });
  });

  it('finds a deletion', async () => {
    await record(5);
    await rewrite((rows) => rows.toSpliced(2, 1));
    expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 3, reason: 'missing' });
  });

  it('finds a deletion with the following entries numbered anew', async () => {
    await record(5);
    await rewrite((rows) => rows.toSpliced(2, 1).map((row, index) => ({ ...row, seq: index + 1 })));
    expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 3, reason: 'altered' });
  });

  it('finds a changed order', async () => {
    await record(5);
    await rewrite((rows) => rows.with(2, { ...rows[3]!, seq: 3 }).with(3, { ...rows[2]!, seq: 4 }));
    expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 3, reason: 'altered' });
  });

  it('finds an insertion', async () => {
    await record(5);
    await rewrite((rows) => {
      const [forged] = rechain([{ ...rows[2]!, id: randomUUID() }], 3, rows[1]!.hash);
      return rows.toSpliced(2, 0, forged!).map((row, index) => ({ ...row, seq: index + 1 }));
    });
    expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 3, reason: 'inserted' });
  });

  it('finds an entry beyond the recorded end', async () => {
    await record(3);
    await tamper(h.db, async (tx) => {
      const rows = await chainOf(tx, tenantId);
      const [forged] = rechain([{ ...rows[2]!, id: randomUUID() }], 4, rows[2]!.hash);
      await replaceChain(tx, tenantId, [...rows, forged!]);
      const { seq, hash } = rows[2]!;
      await tx.kysely
        .updateTable('audit_heads')
        .set({ seq, hash })
        .where('tenant_id', '=', tenantId)
        .execute();
    });
    expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 4, reason: 'inserted' });
  });

  it('finds a tail that is cut, when the recorded end is left', async () => {
    await record(5);
    await tamper(h.db, (tx) =>
      tx.kysely.deleteFrom('audit_entries').where('tenant_id', '=', tenantId).where('seq', '>', 3).execute(),
    );
    expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 4, reason: 'tail_cut' });
  });

  it('finds a tail that is cut with the recorded end, by the signed heads alone', async () => {
    await record(5);
    const cut = () => rewrite((rows) => rows.slice(0, 3));
    await cut();
    expect(await verify()).toMatchObject({ valid: true, heads_checked: 0 });
    await record(2);
    await signNow();
    await cut();
    expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 4, reason: 'tail_cut' });
  });

  it('finds that everything was written anew, by the signed heads alone', async () => {
    await record(4);
    const forge = () =>
      rewrite((rows) =>
        rechain(rows.map((row) => (row.seq === 2 ? { ...row, action: 'nothing.happened' } : row))),
      );
    await forge();
    expect(await verify()).toMatchObject({ valid: true, heads_checked: 0 });
    await signNow();
    await record(1);
    await signNow();
    await rewrite((rows) =>
      rechain(rows.map((row) => (row.seq === 6 ? { ...row, action: 'nothing' } : row))),
    );
    const answer = await verify();
    expect(answer).toMatchObject({ valid: false, first_bad_seq: 6, reason: 'rewritten', heads_checked: 2 });
    expect(answer.message).toContain('after 5');
  });

  it('finds heads that were forged', async () => {
    await record(3);
    await signNow();
    const [head] = headLines().filter(({ tenant_id }) => tenant_id === tenantId);
    const { hash } = (await chain())[0]!;
    writeFileSync(file, `${JSON.stringify({ ...head, seq: 1, hash })}\n`);
    expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 1, reason: 'forged_head' });
  });

  it('leaves out heads of keys it does not know, and half lines', async () => {
    await record(3);
    await signNow();
    const other = createNotary({ secret: SECRET, signingKey: newSigningKey(), headsFile: file });
    const head = other.sign({ kind: 'head', tenant_id: tenantId, seq: 2, hash: '0'.repeat(64) }, 0);
    appendFileSync(file, '{"kind":"head","tenant_id":"');
    await other.append([head]);
    expect(await verify()).toMatchObject({ valid: true, heads_checked: 1, heads_skipped: 1 });
  });

  describe('signed heads', () => {
    const ours = () => headLines().filter(({ tenant_id }) => tenant_id === tenantId);

    it('come each hour, after so many entries, and at the end', async () => {
      const clock = new ManualClock();
      const own = keeper({ everyEntries: 3, everyMs: HOUR }, { clock });
      await record(1);
      await own.tick();
      expect(ours().map(({ seq }) => seq)).toEqual([1]);
      await record(1);
      await own.tick();
      expect(ours().map(({ seq }) => seq)).toEqual([1]);
      clock.advance(HOUR);
      await own.tick();
      expect(ours().map(({ seq }) => seq)).toEqual([1, 2]);
      await record(3);
      await own.tick();
      expect(ours().map(({ seq }) => seq)).toEqual([1, 2, 5]);
      await record(1);
      await own.tick(true);
      await own.tick(true);
      expect(ours().map(({ seq }) => seq)).toEqual([1, 2, 5, 6]);
      const [last] = (await chain()).slice(-1);
      expect(ours().at(-1)).toMatchObject({ kind: 'head', hash: last!.hash, key_id: notary.key.key_id });
    });

    it('are not given to a chain that lost the entry signed last', async () => {
      const errors: object[] = [];
      const logger = { ...silentLogger, error: (fields: object) => void errors.push(fields) };
      const own = keeper(OPTIONS, { logger });
      await record(3);
      await own.tick();
      await rewrite((rows) => rechain(rows.map((row) => ({ ...row, action: 'nothing' }))));
      await record(1);
      await own.tick(true);
      expect(ours().map(({ seq }) => seq)).toEqual([3]);
      expect(errors).toContainEqual({ tenant_id: tenantId, seq: 3 });
    });

    it('g.15 outlive the process: another one goes on from the file', async () => {
      await record(2);
      await signNow();
      const own = keeper();
      expect(await own.open()).toEqual([]);
      await own.tick();
      expect(ours()).toHaveLength(1);
    });
  });

  describe('after a restored backup', () => {
    const restore = async () => {
      await record(2);
      await signNow();
      await record(3);
      await signNow();
      await rewrite((rows) => rows.slice(0, 3));
    };

    it('the chain is resealed, and verification goes on from there', async () => {
      await restore();
      expect(await keeper().open()).toEqual([tenantId]);
      const last = (await chain()).at(-1);
      expect(last).toMatchObject({
        seq: 4,
        action: 'audit.resealed',
        actor: { id: 'server:audit' },
        context: { details: { after_seq: 3, lost_seq: 5 } },
      });
      await record(4);
      await signNow();
      expect(await verify()).toMatchObject({ valid: true, reseals: 1, heads_checked: 3 });
      expect(await keeper().open()).toEqual([]);
    });

    it('what came before is still watched', async () => {
      await restore();
      await keeper().open();
      await rewrite((rows) =>
        rechain(rows.map((row) => (row.seq === 1 ? { ...row, action: 'nothing' } : row))),
      );
      expect(await verify()).toMatchObject({ valid: false, first_bad_seq: 1, reason: 'rewritten' });
    });
  });

  it('needs the scope admin', async () => {
    const weak = h.ctxFor({ tenantId, scopes: ['read', 'write', 'hold'], services });
    await expect(verifyAudit(weak, {})).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(verifyAudit(ctx, { chain: 'system' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
