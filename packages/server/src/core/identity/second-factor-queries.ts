import type { Queryable } from '../ports.ts';

export async function hasSecondFactor(db: Queryable, userId: string): Promise<boolean> {
  const row = await db.kysely
    .selectFrom('two_factors')
    .select('user_id')
    .where('user_id', '=', userId)
    .where('enabled_at', 'is not', null)
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertChallenge(
  db: Queryable,
  { tokenHash, userId, tenantId, expiresAt }: NewChallenge,
): Promise<void> {
  await db.kysely
    .insertInto('two_factor_challenges')
    .values({ token_hash: tokenHash, user_id: userId, tenant_id: tenantId ?? null, expires_at: expiresAt })
    .execute();
}

interface NewChallenge {
  tokenHash: string;
  userId: string;
  tenantId: string | undefined;
  expiresAt: Date;
}

/** A password that was checked before this moment opens nothing any more. */
export async function deleteChallenges(db: Queryable, userId: string): Promise<void> {
  await db.kysely.deleteFrom('two_factor_challenges').where('user_id', '=', userId).execute();
}

export async function isEmailVerified(db: Queryable, userId: string): Promise<boolean> {
  const user = await db.kysely
    .selectFrom('users')
    .select('email_verified')
    .where('id', '=', userId)
    .executeTakeFirst();
  return user?.email_verified === true;
}
