import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { findFleetPrincipal, FleetKeys, FLEET_TENANT, refuseMalformedKey } from './index.ts';

const [ONE, TWO, ADMIN] = [randomUUID(), randomUUID(), randomUUID()];

describe('the list of fleet keys', () => {
  const keys = new FleetKeys({ keys: [ONE, TWO], adminKeys: [ADMIN] });

  it('tells its keys apart, and knows no others', () => {
    const [one, two, admin] = [keys.find(ONE), keys.find(TWO), keys.find(ADMIN)];
    expect([one?.admin, two?.admin, admin?.admin]).toEqual([false, false, true]);
    expect(new Set([one?.id, two?.id, admin?.id]).size).toBe(3);
    expect(one?.id).toMatch(/^fleet-[0-9a-f]{12}$/);
    expect(keys.find(randomUUID())).toBeNull();
  });

  // timingSafeEqual throws on buffers of different length: whole digests never are.
  it.each(['', 'x', ONE.slice(0, -1), `${ONE}0`, ONE.toUpperCase(), ` ${ONE}`, 'é', 'x'.repeat(100_000)])(
    'compares keys of any length without throwing %#',
    (key) => expect(keys.find(key)).toBeNull(),
  );

  it('separates administration only when it has keys of its own', () => {
    expect(keys.separatesAdmin).toBe(true);
    expect(new FleetKeys({ keys: [ONE], adminKeys: [] }).separatesAdmin).toBe(false);
    expect(new FleetKeys({ keys: [ONE], adminKeys: [ONE] }).find(ONE)?.admin).toBe(true);
    expect(new FleetKeys({ keys: [], adminKeys: [] }).find('')).toBeNull();
  });

  it.each(['', ' ', 'a b', 'a\tb', 'a\u0007', '\u0085', 'x'.repeat(129), `${ONE}, ${ONE}`])(
    'F-06 takes %j for no key at all',
    (key) => expect(() => refuseMalformedKey(key)).toThrow('Malformed API key'),
  );
  it.each(['invalid-key-123', 'x'.repeat(128), ONE, '"', '..'])('F-06 lets %j be looked up', (key) =>
    expect(() => refuseMalformedKey(key)).not.toThrow(),
  );
});

describe.each(ENGINES)('the fleet tenant on %s', (engine) => {
  let h: Harness;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  afterAll(() => h.close());

  it('is made once by whoever comes first', async () => {
    await h.db.kysely.deleteFrom('tenants').where('id', '=', FLEET_TENANT).execute();
    const servers = [1, 2, 3].map(() => new FleetKeys({ keys: [ONE, TWO], adminKeys: [] }));
    const found = await Promise.all(
      servers.flatMap((fleetKeys) =>
        [ONE, TWO].map((key) => findFleetPrincipal({ db: h.db, fleetKeys }, key)),
      ),
    );
    expect(new Set(found.map((principal) => principal?.tenantId))).toEqual(new Set([FLEET_TENANT]));
    expect(new Set(found.map((principal) => principal?.actor)).size).toBe(2);
    const tenants = await h.db.kysely.selectFrom('tenants').selectAll().where('name', '=', 'Fleet').execute();
    expect(tenants.map(({ id }) => id)).toEqual([FLEET_TENANT]);
  });

  it('gives the scopes of a fleet only, admin to admin keys', async () => {
    const fleetKeys = new FleetKeys({ keys: [ONE], adminKeys: [ADMIN] });
    expect(await findFleetPrincipal({ db: h.db, fleetKeys }, ONE)).toEqual({
      kind: 'fleet_key',
      tenantId: FLEET_TENANT,
      actor: `key:${fleetKeys.find(ONE)!.id}`,
      userId: null,
      scopes: new Set(['read', 'write', 'hold']),
      expiresAt: null,
    });
    const admin = await findFleetPrincipal({ db: h.db, fleetKeys }, ADMIN);
    expect(admin?.scopes.has('admin')).toBe(true);
    expect(await findFleetPrincipal({ db: h.db, fleetKeys }, TWO)).toBeNull();
  });
});
