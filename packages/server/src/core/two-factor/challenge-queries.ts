import type { Queryable } from '../ports.ts';

/** Wrong codes that end a challenge: the password has to be given again. */
const MAX_ATTEMPTS = 5;

export interface Challenge {
  user_id: string;
  tenant_id: string | null;
}

interface Key {
  hash: string;
  now: Date;
}

/** Null when it was used, has expired, or had its attempts. */
export async function findChallenge(db: Queryable, { hash, now }: Key): Promise<Challenge | null> {
  const query = db.kysely
    .selectFrom('two_factor_challenges')
    .select(['user_id', 'tenant_id'])
    .where('token_hash', '=', hash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .where('attempts', '<', MAX_ATTEMPTS);
  return (await query.executeTakeFirst()) ?? null;
}

/** Counts an attempt before it is judged, and holds the row till the end. @returns false when none is left */
export async function claimAttempt(db: Queryable, { hash, now }: Key): Promise<boolean> {
  const claimed = await db.kysely
    .updateTable('two_factor_challenges')
    .set(({ eb }) => ({ attempts: eb('attempts', '+', 1) }))
    .where('token_hash', '=', hash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .where('attempts', '<', MAX_ATTEMPTS)
    .executeTakeFirstOrThrow();
  return claimed.numUpdatedRows > 0n;
}

export async function updateChallengeUsed(db: Queryable, { hash, now }: Key): Promise<void> {
  await db.kysely
    .updateTable('two_factor_challenges')
    .set({ used_at: now })
    .where('token_hash', '=', hash)
    .execute();
}

/** @returns how many */
export async function deleteExpiredChallenges(db: Queryable, now: Date): Promise<number> {
  const { numDeletedRows } = await db.kysely
    .deleteFrom('two_factor_challenges')
    .where('expires_at', '<=', now)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
