import { randomUUID } from 'node:crypto';
import type { GuestSession } from '@holdfast/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { HOUR } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { updateProject } from '../project/index.ts';
import {
  authenticateGuest,
  endGuest,
  findEndedGuests,
  GuestCookies,
  purgeGuests,
  startGuest,
} from './index.ts';

const DAY = 24 * HOUR;

describe.each(ENGINES)('guest sessions on %s', (engine) => {
  let h: Harness;
  let clock: ManualClock;
  let tenantId: string;
  let projectId: string;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  beforeEach(async () => {
    clock = new ManualClock();
    ({ tenantId, projectId } = await h.createTenant());
    await openTo(true);
  });
  afterAll(() => h.close());

  const openTo = (guest_access: boolean) =>
    updateProject(h.ctxFor({ tenantId }), projectId, { guest_access });
  const start = () => startGuest({ db: h.db, clock }, { project_id: projectId });
  const show = ({ guest_id, secret }: Pick<GuestSession, 'guest_id' | 'secret'>) =>
    authenticateGuest({ db: h.db, clock }, { id: guest_id, secret });

  it('TASK-005.d lets anybody in who was given an id and a secret', async () => {
    const guest = await start();
    expect(guest).toEqual({
      guest_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      secret: expect.stringMatching(/^hf_guest_[\w-]{43}$/),
      expires_at: new Date(clock.now() + DAY).toISOString(),
    });
    expect(await show(guest)).toEqual({
      kind: 'guest',
      tenantId,
      actor: `guest:${guest.guest_id}`,
      userId: null,
      projectId,
      tier: 'free',
      scopes: new Set(),
      expiresAt: clock.now() + DAY,
    });
  });

  it('keeps no secret, only its hash', async () => {
    const { guest_id, secret } = await start();
    const rows = await h.db.kysely
      .selectFrom('guest_sessions')
      .selectAll()
      .where('id', '=', guest_id)
      .execute();
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(secret.slice(12));
  });

  it('TASK-005.e reads nothing with an altered id or secret', async () => {
    const [guest, other] = [await start(), await start()];
    const { guest_id, secret } = guest;
    const last = secret.endsWith('A') ? 'B' : 'A';
    const wrong = [
      { guest_id, secret: other.secret },
      { guest_id: other.guest_id, secret },
      { guest_id: randomUUID(), secret },
      { guest_id, secret: secret.slice(0, -1) + last },
      { guest_id, secret: secret.slice(0, -1) },
      { guest_id, secret: '' },
      { guest_id, secret: `${secret}A` },
      { guest_id: '', secret },
      { guest_id: "' or '1'='1", secret },
      { guest_id: `${guest_id}\0`, secret },
    ];
    for (const each of wrong) expect(await show(each)).toBeNull();
    expect(await show(guest)).not.toBeNull();
  });

  it('ends 24 hours after the last use', async () => {
    const [used, idle] = [await start(), await start()];
    for (let hour = 0; hour < 23; hour += 1) clock.advance(HOUR);
    expect(await show(used)).not.toBeNull();
    clock.advance(HOUR);
    expect(await show(idle)).toBeNull();
    clock.advance(23 * HOUR - 1);
    expect(await show(used)).not.toBeNull();
    clock.advance(DAY);
    expect(await show(used)).toBeNull();
  });

  it('ends 30 days after its start, however much it is used', async () => {
    const guest = await start();
    const end = clock.now() + 30 * DAY;
    for (let day = 0; day < 59; day += 1) {
      clock.advance(DAY / 2);
      expect((await show(guest))?.expiresAt).toBe(Math.min(clock.now() + DAY, end));
    }
    clock.advance(DAY / 2 - 1);
    expect((await show(guest))?.expiresAt).toBe(end);
    clock.advance(1);
    expect(await show(guest)).toBeNull();
  });

  it('writes a use down at most once a minute', async () => {
    const guest = await start();
    const seen = async () => {
      const row = await h.db.kysely
        .selectFrom('guest_sessions')
        .select('last_seen_at')
        .where('id', '=', guest.guest_id)
        .executeTakeFirstOrThrow();
      return row.last_seen_at.getTime();
    };
    const begin = clock.now();
    clock.advance(59_999);
    await show(guest);
    expect(await seen()).toBe(begin);
    clock.advance(1);
    await show(guest);
    expect(await seen()).toBe(begin + 60_000);
  });

  it('ends with the project’s permission, and goes on when it comes back', async () => {
    const guest = await start();
    const principal = (await show(guest))!;
    expect(await findEndedGuests({ db: h.db, clock }, [principal])).toEqual(new Set());
    await openTo(false);
    expect(await show(guest)).toBeNull();
    expect(await findEndedGuests({ db: h.db, clock }, [principal])).toEqual(new Set([principal]));
    await openTo(true);
    expect(await show(guest)).not.toBeNull();
  });

  it('ends at once for the guest who leaves, and for nobody else', async () => {
    const [guest, other] = [await start(), await start()];
    const principal = (await show(guest))!;
    await endGuest({ db: h.db, principal });
    await endGuest({ db: h.db, principal });
    expect(await show(guest)).toBeNull();
    expect(await show(other)).not.toBeNull();
    const key = h.ctxFor({ tenantId });
    await expect(endGuest(key)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('answers a project without guests exactly like an unknown one', async () => {
    await openTo(false);
    const closed = await start().catch((error: unknown) => error);
    const unknown = await startGuest({ db: h.db, clock }, { project_id: randomUUID() }).catch(
      (error: unknown) => error,
    );
    expect(closed).toMatchObject({ code: 'NOT_FOUND', message: 'Project not found.' });
    expect(unknown).toEqual(closed);
    const rows = await h.db.kysely
      .selectFrom('guest_sessions')
      .select('id')
      .where('tenant_id', '=', tenantId)
      .execute();
    expect(rows).toEqual([]);
  });

  it.each([[{}], [{ project_id: 'x' }], [{ project_id: randomUUID(), guest_id: randomUUID() }]])(
    'refuses %j',
    async (input) => {
      await expect(startGuest({ db: h.db, clock }, input as never)).rejects.toThrow();
    },
  );

  it('only lets an administrator open a project to guests', async () => {
    const member = h.ctxFor({ tenantId, scopes: ['read', 'write', 'hold'] });
    const change = updateProject(member, projectId, { guest_access: false });
    await expect(change).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await updateProject(member, projectId, { name: 'Renamed' });
    await expect(start()).resolves.toBeDefined();
  });

  it('TASK-005.c removes what has ended and keeps the rest', async () => {
    const [ended] = [await start()];
    clock.advance(DAY);
    const alive = await start();
    await purgeGuests({ db: h.db, clock });
    const rows = await h.db.kysely
      .selectFrom('guest_sessions')
      .select('id')
      .where('id', 'in', [ended.guest_id, alive.guest_id])
      .execute();
    expect(rows).toEqual([{ id: alive.guest_id }]);
  });
});

describe('the guest cookie', () => {
  const SECRETS = ['first secret of the installation', 'second secret of the installation'] as const;
  const guest = { id: randomUUID(), secret: `hf_guest_${'a'.repeat(43)}` };
  const cookies = new GuestCookies([SECRETS[0]]);

  it('opens what it sealed', () => {
    expect(cookies.open(cookies.seal(guest))).toEqual(guest);
  });

  it('opens nothing in which any character was changed', () => {
    const sealed = cookies.seal(guest);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = sealed[at] === 'b' ? 'c' : 'b';
      expect(cookies.open(sealed.slice(0, at) + changed + sealed.slice(at + 1))).toBeNull();
    }
  });

  it.each([
    '',
    '.',
    '..',
    'a.b.c',
    `${guest.id}.${guest.secret}`,
    `${guest.id}.${guest.secret}.`,
    'x'.repeat(1e6),
  ])('opens no garbage %#', (value) => expect(cookies.open(value)).toBeNull());

  it('takes the key before a rotation, and no key of another installation', () => {
    const old = cookies.seal(guest);
    expect(new GuestCookies([SECRETS[1], SECRETS[0]]).open(old)).toEqual(guest);
    expect(new GuestCookies([SECRETS[1]]).open(old)).toBeNull();
    expect(cookies.open(new GuestCookies([SECRETS[1], SECRETS[0]]).seal(guest))).toBeNull();
  });
});
