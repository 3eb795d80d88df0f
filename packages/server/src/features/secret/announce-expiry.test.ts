import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createMember, identityFor } from '../../../test/identity-harness.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Ctx } from '../../core/context.ts';
import { addSecretVersion, announceExpiry, createSecret } from './index.ts';

const DAY = 86_400_000;

describe.each(ENGINES)('BF-5.4.f announcements of expiring secrets on %s', (engine) => {
  let h: Harness;
  let ctx: Ctx;
  let tenantId: string;
  let clock: ManualClock;
  let admins: string[];
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  afterAll(() => h.close());
  beforeEach(async () => {
    clock = new ManualClock();
    ({ tenantId } = await h.createTenant());
    ctx = { ...h.ctxFor({ tenantId }), clock };
    const identity = identityFor(h.db);
    admins = [];
    for (const role of ['owner', 'admin', 'member', 'read_only'] as const) {
      const { email } = await createMember(identity, tenantId, role);
      if (role === 'owner' || role === 'admin') admins.push(email);
    }
  }, 60_000);

  const make = (days: number | null, name = `s-${randomUUID()}`) =>
    createSecret(ctx, {
      name,
      kind: 'other',
      value: 'x',
      expires_at: days === null ? null : new Date(clock.now() + days * DAY).toISOString(),
    });
  const run = async () => {
    const lines: object[] = [];
    const logger = { ...ctx.logger, warn: (fields: object) => void lines.push(fields) };
    await announceExpiry({ db: h.db, clock, logger });
    return lines.filter((line) => 'tenant_id' in line && line.tenant_id === tenantId);
  };
  const mails = async () => {
    const rows = await h.db.kysely
      .selectFrom('emails')
      .select(['recipient', 'variables'])
      .where('tenant_id', '=', tenantId)
      .where('template', '=', 'secret_expiring')
      .execute();
    return rows.map(({ recipient, variables }) => ({ recipient, ...(JSON.parse(variables) as object) }));
  };
  const entries = async () => {
    const rows = await h.db.kysely
      .selectFrom('audit_entries')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('action', '=', 'secret.expiring')
      .execute();
    return rows.map((row) => JSON.stringify(row));
  };

  test('at 30, 7 and 1 days, each once: mail to owners and admins, a log line, an audit entry', async () => {
    const { id, name, expires_at } = await make(31);
    await make(null);
    expect(await run()).toEqual([]);
    const seen: object[] = [];
    for (let hour = 0; hour < 32 * 24; hour += 6) {
      clock.advance(6 * 3_600_000);
      for (const line of await run()) seen.push({ ...line, hour: hour + 6 });
    }
    const line = { tenant_id: tenantId, secret_id: id, name, expires_at };
    expect(seen).toEqual([
      { ...line, days: 30, hour: 24 },
      { ...line, days: 7, hour: 24 * 24 },
      { ...line, days: 1, hour: 30 * 24 },
    ]);
    const sent = await mails();
    expect(sent).toHaveLength(6);
    expect(sent.map(({ recipient }) => recipient).toSorted()).toEqual(
      [...admins, ...admins, ...admins].toSorted(),
    );
    for (const mail of sent) expect(mail).toMatchObject({ secret: name, expires_at });
    expect(await entries()).toHaveLength(3);
    for (const entry of await entries()) expect(entry).toContain(id);
  });

  test('what was missed is made up for with the announcement that is due now', async () => {
    const { id } = await make(40);
    clock.advance(35 * DAY);
    expect(await run()).toMatchObject([{ secret_id: id, days: 7 }]);
    expect(await run()).toEqual([]);
    clock.advance(20 * DAY);
    expect(await run()).toMatchObject([{ secret_id: id, days: 1 }]);
    expect(await run()).toEqual([]);
  });

  test('a new expiry is announced anew; a new value alone is not', async () => {
    const { id } = await make(20);
    expect(await run()).toMatchObject([{ days: 30 }]);
    await addSecretVersion(ctx, id, { value: 'y' });
    expect(await run()).toEqual([]);
    const expires_at = new Date(clock.now() + 25 * DAY).toISOString();
    await addSecretVersion(ctx, id, { value: 'z', expires_at });
    expect(await run()).toMatchObject([{ days: 30, expires_at }]);
  });

  test('several servers at once announce once', async () => {
    for (let at = 0; at < 3; at += 1) await make(5);
    const lines = await Promise.all([run(), run(), run(), run()]);
    expect(lines.flat()).toHaveLength(3);
    expect(await mails()).toHaveLength(3 * admins.length);
  });

  test('more secrets than one batch are all announced', async () => {
    const { id, name } = await make(3);
    const rows = Array.from({ length: 250 }, (_, at) => ({
      tenant_id: tenantId,
      id: randomUUID(),
      name: `${name}-${at}`,
      kind: 'other' as const,
      description: '',
      latest_version: 1,
      created_by: 'key:test',
      expires_at: new Date(clock.now() + 2 * DAY),
    }));
    await h.db.kysely.insertInto('secrets').values(rows).execute();
    const lines = (await run()) as { secret_id: string }[];
    expect(new Set(lines.map((line) => line.secret_id))).toEqual(new Set([id, ...rows.map((row) => row.id)]));
  });
});
