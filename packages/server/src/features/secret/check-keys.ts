import type { Services } from '../../core/context.ts';
import type { KeyRing, Queryable, Tx } from '../../core/ports.ts';
import { countByKey, fetchCanary } from './rewrap-queries.ts';

const KNOWN_TEXT = 'holdfast';

/**
 * Refuses to begin with keys that do not fit the database: each key must open what was once sealed under its id,
 * and every secret's key must be there.
 * @throws Error that names the key and, for a missing one, how many versions need it
 */
export async function checkKeys({ db, keyRing }: Pick<Services, 'db' | 'keyRing'>): Promise<void> {
  await db.transaction(async (tx) => {
    for (const id of keyRing.ids) await checkCanary(tx, keyRing, id);
  });
  await checkReferences(db, keyRing);
}

async function checkCanary(tx: Tx, keyRing: KeyRing, id: string): Promise<void> {
  const context = `canary|${id}`;
  const { sealed } = await keyRing.wrap(Buffer.from(KNOWN_TEXT), context, id);
  const stored = await fetchCanary(tx, id, sealed);
  const text = await keyRing.unwrap({ keyId: id, sealed: stored }, context).catch(() => null);
  if (text?.toString() === KNOWN_TEXT) return;
  throw new Error(
    `Holdfast will not start: the key "${id}" of ${keyRing.source} is not the key "${id}" that this database has been ` +
      'used with. Put the right one back; a new key needs a new id.',
  );
}

async function checkReferences(db: Queryable, keyRing: KeyRing): Promise<void> {
  const counts = await countByKey(db);
  const missing = [...counts].filter(([id]) => !keyRing.ids.includes(id));
  if (missing.length === 0) return;
  const list = missing.map(([id, versions]) => `"${id}" (${versions} secret version(s))`).join(', ');
  throw new Error(
    `Holdfast will not start: ${keyRing.source} lacks a key that secrets still need: ${list}. ` +
      'Put it back, run `npm run secrets:rewrap`, and remove it then.',
  );
}
