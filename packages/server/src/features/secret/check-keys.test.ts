import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { testKeyRing } from '../../../test/key-ring.ts';
import { createKeyRing } from '../../infra/secret/index.ts';
import { addSecretVersion, checkKeys, createSecret } from './index.ts';

describe.each(ENGINES)('the keys at the start on %s', (engine) => {
  let h: Harness;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  afterAll(() => h.close());
  const check = (...ids: string[]) => checkKeys({ db: h.db, keyRing: testKeyRing(...ids) });
  /** Keys of other tests' secrets in the same database have to be there too. */
  const others = async (): Promise<string[]> => {
    const rows = await h.db.kysely.selectFrom('secret_versions').select('key_id').distinct().execute();
    return rows.map(({ key_id }) => key_id).filter((id) => !id.startsWith('start-'));
  };

  test('the same keys pass again and again, in any order, with new ones beside them', async () => {
    const [a, b] = [`start-${randomUUID().slice(0, 8)}`, `start-${randomUUID().slice(0, 8)}`];
    const rest = await others();
    await check(a, ...rest);
    await check(a, ...rest);
    await check(b, a, ...rest);
    await check(a, b, ...rest);
    await check(b, ...rest);
  });

  test('several servers may begin at once', async () => {
    const id = `start-${randomUUID().slice(0, 8)}`;
    const rest = await others();
    await Promise.all(Array.from({ length: 8 }, () => check(id, ...rest)));
  });

  test('another key under a known id stops the start', async () => {
    const id = `start-${randomUUID().slice(0, 8)}`;
    await check(id, ...(await others()));
    const wrong = createKeyRing([{ id, bytes: randomBytes(32) }], 'SECRETS_KEYS');
    await expect(checkKeys({ db: h.db, keyRing: wrong })).rejects.toThrow(
      `Holdfast will not start: the key "${id}" of SECRETS_KEYS is not the key "${id}" that this database has been used with.`,
    );
    await check(id, ...(await others()));
  });

  test('a changed canary stops the start', async () => {
    const id = `start-${randomUUID().slice(0, 8)}`;
    await check(id, ...(await others()));
    await h.db.kysely
      .updateTable('secret_canaries')
      .set({ sealed: Buffer.alloc(40) })
      .where('key_id', '=', id)
      .execute();
    await expect(check(id, ...(await others()))).rejects.toThrow(`is not the key "${id}"`);
  });

  test('a key that secrets still need cannot be left out, and the message says how many need it', async () => {
    const [old, fresh] = [`start-${randomUUID().slice(0, 8)}`, `start-${randomUUID().slice(0, 8)}`];
    const services = h.otherServices({ keyRing: testKeyRing(old) });
    const { tenantId } = await h.createTenant();
    const ctx = h.ctxFor({ tenantId, services });
    const { id } = await createSecret(ctx, { name: 'one', kind: 'other', value: 'x' });
    await addSecretVersion(ctx, id, { value: 'y' });
    const rest = await others();
    await expect(check(fresh, ...rest)).rejects.toThrow(
      `Holdfast will not start: the test lacks a key that secrets still need: "${old}" (2 secret version(s)).`,
    );
    await check(fresh, old, ...rest);
    await h.db.kysely.deleteFrom('secrets').where('tenant_id', '=', tenantId).execute();
    await check(fresh, ...rest);
  });
});
