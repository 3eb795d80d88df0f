import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, silentLogger, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Principal } from '../context.ts';
import { DenialLog, SYSTEM_TENANT, type Denial } from './index.ts';

const MINUTE = 60_000;

describe.each(ENGINES)('the denial log on %s', (engine) => {
  let h: Harness;
  let clock: ManualClock;
  let log: DenialLog;
  let tenantId: string;
  beforeAll(async () => {
    h = await openHarness({ engine, ownDb: true });
  }, 60_000);
  beforeEach(async () => {
    clock = new ManualClock();
    log = new DenialLog({ db: h.db, clock, logger: silentLogger });
    ({ tenantId } = await h.createTenant());
  });
  afterAll(() => h.close());

  const principal = (actor = 'key:one', more: Partial<Principal> = {}): Principal => ({
    kind: 'api_key',
    tenantId,
    actor,
    userId: null,
    scopes: new Set(),
    expiresAt: null,
    ...more,
  });
  const denial = (more: Partial<Denial> = {}): Denial => ({
    principal: principal(),
    client: { ip: '203.0.113.7', userAgent: 'test' },
    requestId: randomUUID(),
    method: 'POST',
    route: '/api/v1/projects',
    reason: 'This credential lacks the scope "write".',
    ...more,
  });
  const entries = (of = tenantId) => auditEntries(h.db, of);
  const countsOf = async (of = tenantId) =>
    (await entries(of)).map(({ context }) => (context.details as { count: number }).count);
  const settled = (counts: number[]) => vi.waitFor(async () => expect(await countsOf()).toEqual(counts));

  it('BF-5.3.a writes the first denial at once, with who, where and why', async () => {
    const noted = denial();
    log.note(noted);
    await settled([1]);
    expect((await entries())[0]).toMatchObject({
      action: 'access.denied',
      outcome: 'denied',
      actor: { id: 'key:one' },
      targets: [{ type: 'route', id: 'POST /api/v1/projects' }],
      context: { request_id: noted.requestId, details: { reason: noted.reason, count: 1 } },
    });
  });

  it('counts what follows within a minute into one entry', async () => {
    for (let n = 0; n < 1000; n += 1) log.note(denial());
    await settled([1]);
    clock.advance(MINUTE - 1);
    for (let n = 0; n < 5; n += 1) log.note(denial());
    clock.advance(1);
    await settled([1, 1004]);
    log.note(denial());
    clock.advance(MINUTE);
    await settled([1, 1004, 1]);
    clock.advance(MINUTE);
    expect(clock.pendingCount).toBe(0);
    log.note(denial());
    await settled([1, 1004, 1, 1]);
  });

  it('tells principals, methods and routes apart', async () => {
    for (let n = 0; n < 3; n += 1) {
      log.note(denial());
      log.note(denial({ principal: principal('key:two') }));
      log.note(denial({ method: 'DELETE' }));
      log.note(denial({ route: '/api/v1/agents' }));
    }
    await settled([1, 1, 1, 1]);
    await log.close();
    expect((await countsOf()).sort((a, b) => a - b)).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it('names a signed service and the user it speaks for', async () => {
    const userId = randomUUID();
    log.note(
      denial({ principal: principal(`user:${userId}`, { kind: 'service', service: 'chat', userId }) }),
    );
    await settled([1]);
    expect((await entries())[0]!.actor).toMatchObject({ id: 'service:chat', on_behalf_of: `user:${userId}` });
  });

  it('loses nothing at shutdown', async () => {
    for (let n = 0; n < 7; n += 1) log.note(denial());
    await log.close();
    expect(await countsOf()).toEqual([1, 6]);
    log.note(denial());
    clock.advance(MINUTE);
    await log.close();
    expect(await countsOf()).toEqual([1, 6]);
  });

  it('keeps refused credentials in the chain of nobody, by address', async () => {
    const before = (await countsOf(SYSTEM_TENANT)).length;
    const client = (ip: string) => ({ client: { ip, userAgent: null }, principal: null });
    for (const ip of ['192.0.2.1', '192.0.2.2', '192.0.2.1']) log.note(denial(client(ip)));
    await log.close();
    const added = (await entries(SYSTEM_TENANT)).slice(before);
    expect(added.map(({ action, actor }) => [action, actor.id])).toEqual(
      Array(3).fill(['credential.refused', 'anonymous']),
    );
    expect(await entries()).toEqual([]);
  });

  it('counts a flood from everywhere together, and still sees a tenant by itself', async () => {
    const before = (await countsOf(SYSTEM_TENANT)).length;
    for (let n = 0; n < 3000; n += 1) {
      const client = { ip: `198.51.${n >> 8}.${n & 255}`, userAgent: null };
      log.note(denial({ principal: null, client }));
    }
    log.note(denial());
    expect(clock.pendingCount).toBe(502);
    await log.close();
    const counts = (await countsOf(SYSTEM_TENANT)).slice(before);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(3000);
    expect(counts).toHaveLength(502);
    expect((await entries(SYSTEM_TENANT)).at(-1)?.targets).toEqual([{ type: 'route', id: '*' }]);
    expect(await countsOf()).toEqual([1]);
  }, 60_000);

  it('goes on when an entry cannot be written', async () => {
    const errors: unknown[] = [];
    const logger = { ...silentLogger, error: (fields: object) => void errors.push(fields) };
    let broken = true;
    const db = Object.create(h.db, {
      transaction: {
        value: (work: Parameters<typeof h.db.transaction>[0]) =>
          broken ? Promise.reject(new Error('gone')) : h.db.transaction(work),
      },
    }) as typeof h.db;
    const shaky = new DenialLog({ db, clock, logger });
    shaky.note(denial());
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    broken = false;
    shaky.note(denial());
    await shaky.close();
    expect(await countsOf()).toEqual([1]);
  });
});
