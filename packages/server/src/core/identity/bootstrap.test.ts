import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ENGINES, freshPostgres } from '../../../test/harness.ts';
import { identityFor } from '../../../test/identity-harness.ts';
import { openDb } from '../../infra/db/index.ts';
import type { Accounts, Db } from '../ports.ts';
import { authenticate, bootstrap, login } from './index.ts';

describe.each(ENGINES)('bootstrap on %s', (engine) => {
  let db: Db;
  beforeEach(async () => {
    db = await openDb({
      dataDir: null,
      databaseUrl: engine === 'postgres' ? await freshPostgres() : undefined,
    });
  }, 30_000);
  afterEach(() => db.close());

  const count = async (table: 'tenants' | 'users' | 'memberships' | 'projects' | 'api_keys') =>
    (
      await db.kysely
        .selectFrom(table)
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .executeTakeFirstOrThrow()
    ).n;

  it('gives the first server alone working credentials', async () => {
    const starts = ['one', 'two', 'three'].map(() =>
      bootstrap(identityFor(db), { adminEmail: 'Owner@Example.com' }),
    );
    const made = (await Promise.all(starts)).filter((result) => result !== null);
    expect(made).toHaveLength(1);
    const { email, password, apiKey, tenantId, projectId } = made[0]!;
    for (const table of ['tenants', 'users', 'memberships', 'projects', 'api_keys'] as const) {
      expect([table, await count(table)]).toEqual([table, 1]);
    }
    const tenants = await db.kysely.selectFrom('tenants').select(['id', 'is_home']).execute();
    expect(tenants).toEqual([{ id: tenantId, is_home: true }]);
    const services = identityFor(db);
    const token = await login(services, { email, password: password! });
    expect(token).toMatchObject({ tenantId, user: { email: 'owner@example.com' } });
    for (const value of [token.accessToken, apiKey]) {
      const principal = await authenticate(services, { kind: 'bearer', value });
      expect([principal.tenantId, principal.scopes.has('admin')]).toEqual([tenantId, true]);
    }
    const project = await db.kysely.selectFrom('projects').select(['id', 'name']).executeTakeFirst();
    expect(project).toEqual({ id: projectId, name: 'Default' });
    expect(await bootstrap(services, { adminEmail: 'other@example.com' })).toBeNull();
  });

  it('takes a given password and does not tell it', async () => {
    const services = identityFor(db);
    const adminPassword = 'a given password';
    const made = await bootstrap(services, { adminEmail: 'owner@example.com', adminPassword });
    expect(made?.password).toBeNull();
    expect(await login(services, { email: 'owner@example.com', password: adminPassword })).toBeTruthy();
  });

  it('leaves nothing behind when it fails, and can be repeated', async () => {
    const services = identityFor(db);
    const accounts: Accounts = {
      ...services.accounts,
      async createUser(tx, user) {
        await services.accounts.createUser(tx, user);
        throw new Error('no');
      },
    };
    const input = { adminEmail: 'owner@example.com' };
    await expect(bootstrap({ ...services, accounts }, input)).rejects.toThrow('no');
    expect([await count('tenants'), await count('users')]).toEqual([0, 0]);
    expect(await bootstrap(services, input)).not.toBeNull();
  });
});
