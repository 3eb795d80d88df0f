import type { Queryable } from '../ports.ts';

export interface Factor {
  id: string;
  sealed_secret: string;
  enabled_at: Date | null;
}

export async function findFactor(db: Queryable, userId: string): Promise<Factor | null> {
  const query = db.kysely
    .selectFrom('two_factors')
    .select(['id', 'sealed_secret', 'enabled_at'])
    .where('user_id', '=', userId);
  return (await query.executeTakeFirst()) ?? null;
}

/** What an authenticator app shows beside the issuer. */
export async function findLabel(db: Queryable, userId: string): Promise<string | null> {
  const user = await db.kysely
    .selectFrom('users')
    .select('email')
    .where('id', '=', userId)
    .executeTakeFirst();
  return user?.email ?? null;
}

/** Begins anew while the factor is not enabled. @returns false when it is */
export async function putPendingFactor(
  db: Queryable,
  { userId, id, sealed }: { userId: string; id: string; sealed: string },
): Promise<boolean> {
  const fresh = { id, sealed_secret: sealed, last_step: null };
  const put = await db.kysely
    .insertInto('two_factors')
    .values({ user_id: userId, ...fresh })
    .onConflict((conflict) =>
      conflict.column('user_id').doUpdateSet(fresh).where('two_factors.enabled_at', 'is', null),
    )
    .returning('user_id')
    .executeTakeFirst();
  return put !== undefined;
}

/** The first code of a pending factor counts as used. @returns false when it was enabled or replaced meanwhile */
export async function updateFactorEnabled(
  db: Queryable,
  { id, step, now }: { id: string; step: number; now: Date },
): Promise<boolean> {
  const updated = await db.kysely
    .updateTable('two_factors')
    .set({ enabled_at: now, last_step: step })
    .where('id', '=', id)
    .where('enabled_at', 'is', null)
    .executeTakeFirstOrThrow();
  return updated.numUpdatedRows > 0n;
}

/**
 * Takes a step for good: the row's lock lets one of several callers have it.
 * @returns false when it, or a newer one, was taken before, or the factor is gone
 */
export async function claimStep(db: Queryable, { id, step }: { id: string; step: number }): Promise<boolean> {
  const claimed = await db.kysely
    .updateTable('two_factors')
    .set({ last_step: step })
    .where('id', '=', id)
    .where('enabled_at', 'is not', null)
    .where(({ or, eb }) => or([eb('last_step', 'is', null), eb('last_step', '<', step)]))
    .executeTakeFirstOrThrow();
  return claimed.numUpdatedRows > 0n;
}

/** Its backup codes go with it. */
export async function deleteFactor(db: Queryable, userId: string): Promise<void> {
  await db.kysely.deleteFrom('two_factors').where('user_id', '=', userId).execute();
}

export async function replaceBackupCodes(
  db: Queryable,
  userId: string,
  hashes: readonly string[],
): Promise<void> {
  await db.kysely.deleteFrom('backup_codes').where('user_id', '=', userId).execute();
  await db.kysely
    .insertInto('backup_codes')
    .values(hashes.map((hash) => ({ user_id: userId, code_hash: hash })))
    .execute();
}

/** @returns false when there is no such code, or it was used before */
export async function claimBackupCode(
  db: Queryable,
  { userId, hash, now }: { userId: string; hash: string; now: Date },
): Promise<boolean> {
  const claimed = await db.kysely
    .updateTable('backup_codes')
    .set({ used_at: now })
    .where('user_id', '=', userId)
    .where('code_hash', '=', hash)
    .where('used_at', 'is', null)
    .executeTakeFirstOrThrow();
  return claimed.numUpdatedRows > 0n;
}

export async function countBackupCodes(db: Queryable, userId: string): Promise<number> {
  const { left } = await db.kysely
    .selectFrom('backup_codes')
    .select(({ fn }) => fn.countAll<number>().as('left'))
    .where('user_id', '=', userId)
    .where('used_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(left);
}

/** Secrets that are not encrypted with the current key: their text begins otherwise. */
export async function selectFactorsNotUnder(
  db: Queryable,
  { prefix, after, limit }: { prefix: string; after: string; limit: number },
): Promise<{ id: string; user_id: string; sealed_secret: string }[]> {
  return db.kysely
    .selectFrom('two_factors')
    .select(['id', 'user_id', 'sealed_secret'])
    .where('sealed_secret', 'not like', `${prefix}%`)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();
}

export async function updateFactorSealed(db: Queryable, id: string, sealed: string): Promise<void> {
  await db.kysely.updateTable('two_factors').set({ sealed_secret: sealed }).where('id', '=', id).execute();
}
