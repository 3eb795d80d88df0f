import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { createMember, ctxOf, identityFor, logIn } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Db } from '../ports.ts';
import { authenticate, createApiKey, Sightings } from './index.ts';

const MINUTE = 60_000;

describe.each(ENGINES)('times of last use on %s', (engine) => {
  let h: Harness;
  let tenantId: string;
  beforeAll(async () => {
    h = await openHarness({ engine });
    ({ tenantId } = await h.createTenant());
  }, 30_000);
  afterAll(() => h.close());

  const seenAt = async (id: string) =>
    (
      await h.db.kysely.selectFrom('user_sessions').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    ).last_seen_at.getTime();

  it('of a login move at most once a minute', async () => {
    const clock = new ManualClock();
    const services = identityFor(h.db, clock);
    const { accessToken } = await logIn(services, await createMember(services, tenantId));
    const use = () => authenticate(services, { kind: 'bearer', value: accessToken });
    const start = clock.now();
    const { loginId } = await use();
    clock.advance(MINUTE - 1);
    await use();
    expect(clock.pendingCount).toBe(0);
    clock.advance(1);
    await Promise.all([use(), use(), use()]);
    expect(clock.pendingCount).toBe(1);
    expect(await seenAt(loginId!)).toBe(start);
    clock.advance(1000);
    await vi.waitFor(async () => expect(await seenAt(loginId!)).toBe(start + MINUTE + 1000));
    await use();
    expect(clock.pendingCount).toBe(0);
  });

  it('of an API key are written too, and the rest when the server closes', async () => {
    const clock = new ManualClock();
    const services = identityFor(h.db, clock);
    const { id, secret } = await createApiKey(ctxOf(h, services, { tenantId }), {
      name: 'Key',
      scopes: ['read'],
    });
    const usedAt = async () =>
      (
        await h.db.kysely.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
      ).last_used_at?.getTime();
    await authenticate(services, { kind: 'api_key', value: secret! });
    expect(await usedAt()).toBeUndefined();
    await services.sightings.close();
    expect(await usedAt()).toBe(clock.now());
    expect(clock.pendingCount).toBe(0);
  });

  it('that cannot be written fail no request, and come with the next', async () => {
    const clock = new ManualClock();
    const services = identityFor(h.db, clock);
    const { accessToken } = await logIn(services, await createMember(services, tenantId));
    const warnings: string[] = [];
    const logger = {
      debug() {},
      info() {},
      error() {},
      warn: (_: object, text: string) => warnings.push(text),
    };
    const away = {
      kysely: {
        updateTable: () => {
          throw new Error('the database is away');
        },
      },
    };
    const sightings = new Sightings({ db: away as unknown as Db, clock, logger });
    clock.advance(MINUTE);
    const { loginId } = await authenticate(
      { ...services, sightings },
      { kind: 'bearer', value: accessToken },
    );
    clock.advance(1000);
    await vi.waitFor(() => expect(warnings).toHaveLength(1));
    await authenticate(services, { kind: 'bearer', value: accessToken });
    await services.sightings.close();
    expect(await seenAt(loginId!)).toBe(clock.now());
  });

  it('are not moved back by a server whose news is old', async () => {
    const clock = new ManualClock();
    const services = identityFor(h.db, clock);
    const { accessToken } = await logIn(services, await createMember(services, tenantId));
    const { loginId } = await authenticate(services, { kind: 'bearer', value: accessToken });
    const other = identityFor(h.db, clock);
    clock.advance(MINUTE);
    for (const each of [services, other]) await authenticate(each, { kind: 'bearer', value: accessToken });
    await services.sightings.close();
    const first = await seenAt(loginId!);
    clock.advance(MINUTE - 1);
    await other.sightings.close();
    expect(await seenAt(loginId!)).toBe(first);
  });
});
