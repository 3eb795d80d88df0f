import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { SECRET } from '../../../test/identity-harness.ts';
import type { Accounts } from '../../core/ports.ts';
import { createAccounts } from './index.ts';

describe.each(ENGINES)('accounts on %s', (engine) => {
  let h: Harness;
  let accounts: Accounts;
  beforeAll(async () => {
    h = await openHarness({ engine });
    accounts = createAccounts(h.db, SECRET);
  }, 30_000);
  afterAll(() => h.close());

  const user = () => ({ email: `${randomUUID()}@example.com`, name: 'Ann', password: 'correct horse' });
  const create = (input: ReturnType<typeof user>) => h.db.transaction((tx) => accounts.createUser(tx, input));

  it('knows a user by e-mail and password', async () => {
    const input = user();
    const account = await create(input);
    expect(account).toEqual({ id: expect.any(String), email: input.email, name: 'Ann' });
    expect(await accounts.verifyPassword(input.email, input.password)).toEqual(account);
    expect(await accounts.verifyPassword(input.email.toUpperCase(), input.password)).toEqual(account);
    expect(await accounts.verifyPassword(input.email, 'correct horsE')).toBeNull();
    expect(await accounts.verifyPassword(user().email, input.password)).toBeNull();
  });

  it('stores a hash, and no session', async () => {
    const input = user();
    const { id } = await create(input);
    await accounts.verifyPassword(input.email, input.password);
    const rows = await h.db.query(
      {
        name: 'test_accounts_stored',
        text: `select a.password as hash, s.id as session from user_accounts a
          left join user_sessions s using (user_id) where user_id = $1`,
      },
      [id],
    );
    expect(rows).toEqual([{ hash: expect.stringMatching(/^[0-9a-f]{32}:[0-9a-f]{128}$/), session: null }]);
  });

  it('takes a hash made before, and says whether the address is proven', async () => {
    const { password, ...rest } = user();
    const passwordHash = await accounts.hashPassword(password);
    const verifiedOf = async (id: string) =>
      h.db.kysely.selectFrom('users').select('email_verified').where('id', '=', id).executeTakeFirst();
    const { id } = await h.db.transaction((tx) =>
      accounts.createUser(tx, { ...rest, passwordHash, verified: false }),
    );
    expect(await verifiedOf(id)).toEqual({ email_verified: false });
    expect(await accounts.verifyPassword(rest.email, password)).toMatchObject({ id });
    expect(await verifiedOf((await create(user())).id)).toEqual({ email_verified: true });
  });

  it('replaces a password in the transaction of the caller', async () => {
    const { id } = await create(user());
    const hash = await accounts.hashPassword('another one 8');
    const failed = h.db.transaction(async (tx) => {
      await accounts.setPassword(tx, id, hash);
      throw new Error('later');
    });
    await expect(failed).rejects.toThrow('later');
    expect(await accounts.verifyPasswordOf(id, 'correct horse')).toBe(true);
    await h.db.transaction((tx) => accounts.setPassword(tx, id, hash));
    expect(await accounts.verifyPasswordOf(id, 'correct horse')).toBe(false);
    expect(await accounts.verifyPasswordOf(id, 'another one 8')).toBe(true);
    expect(await accounts.verifyPasswordOf('nobody', 'another one 8')).toBe(false);
  });

  it('refuses a taken e-mail, whatever its case', async () => {
    const input = user();
    await create(input);
    const again = { ...input, email: input.email.toUpperCase() };
    await expect(create(again)).rejects.toMatchObject({ code: 'RESOURCE_CONFLICT' });
  });

  it('leaves nothing of a transaction that fails', async () => {
    const input = user();
    const work = h.db.transaction(async (tx) => {
      await accounts.createUser(tx, input);
      throw new Error('later');
    });
    await expect(work).rejects.toThrow('later');
    expect(await accounts.verifyPassword(input.email, input.password)).toBeNull();
    expect((await create(input)).email).toBe(input.email);
  });

  it('shares the pool with transactions and other queries', async () => {
    const input = user();
    await create(input);
    const checks = Array.from({ length: 4 }, () => accounts.verifyPassword(input.email, input.password));
    const others = Array.from({ length: 4 }, () =>
      h.db.transaction((tx) =>
        tx.kysely.selectFrom('users').select('id').where('email', '=', input.email).execute(),
      ),
    );
    expect((await Promise.all(checks)).map((account) => account?.email)).toEqual(Array(4).fill(input.email));
    expect(await Promise.all(others)).toHaveLength(4);
  });
});
