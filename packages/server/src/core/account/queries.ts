import type { Queryable } from '../ports.ts';
import type { LinkPurpose } from './link.ts';

export interface User {
  id: string;
  email: string;
  name: string;
  email_verified: boolean;
}

const USER = ['id', 'email', 'name', 'email_verified'] as const;

export async function findUserByEmail(db: Queryable, email: string): Promise<User | null> {
  const query = db.kysely.selectFrom('users').select(USER).where('email', '=', email.toLowerCase());
  return (await query.executeTakeFirst()) ?? null;
}

export async function findUser(db: Queryable, userId: string): Promise<User | null> {
  return (
    (await db.kysely.selectFrom('users').select(USER).where('id', '=', userId).executeTakeFirst()) ?? null
  );
}

/** One change of a user's account at a time. */
export async function lockUser(db: Queryable, userId: string): Promise<void> {
  await db.kysely.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute();
}

export async function updateVerified(db: Queryable, userId: string): Promise<void> {
  await db.kysely.updateTable('users').set({ email_verified: true }).where('id', '=', userId).execute();
}

export async function insertLinkToken(
  db: Queryable,
  token: { hash: string; userId: string; purpose: LinkPurpose; expiresAt: Date },
): Promise<void> {
  await db.kysely
    .insertInto('account_tokens')
    .values({
      token_hash: token.hash,
      user_id: token.userId,
      purpose: token.purpose,
      expires_at: token.expiresAt,
    })
    .execute();
}

/** Whose token it is, while it can be used. */
export async function findTokenUser(
  db: Queryable,
  { hash, purpose, now }: { hash: string; purpose: LinkPurpose; now: Date },
): Promise<User | null> {
  const query = db.kysely
    .selectFrom('account_tokens')
    .innerJoin('users', 'users.id', 'account_tokens.user_id')
    .select(['users.id', 'users.email', 'users.name', 'users.email_verified'])
    .where('token_hash', '=', hash)
    .where('purpose', '=', purpose)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now);
  return (await query.executeTakeFirst()) ?? null;
}

/** Uses the token up, and every other one of its user and purpose. @returns false when it was used or expired */
export async function spendToken(
  db: Queryable,
  { hash, userId, purpose, now }: { hash: string; userId: string; purpose: LinkPurpose; now: Date },
): Promise<boolean> {
  const spent = await db.kysely
    .updateTable('account_tokens')
    .set({ used_at: now })
    .where('token_hash', '=', hash)
    .where('purpose', '=', purpose)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow();
  if (spent.numUpdatedRows === 0n) return false;
  await spendTokens(db, userId, purpose, now);
  return true;
}

export async function spendTokens(
  db: Queryable,
  userId: string,
  purpose: LinkPurpose,
  now: Date,
): Promise<void> {
  await db.kysely
    .updateTable('account_tokens')
    .set({ used_at: now })
    .where('user_id', '=', userId)
    .where('purpose', '=', purpose)
    .where('used_at', 'is', null)
    .execute();
}

/** Ends the API keys that the user made in their teams. @returns how many */
export async function revokeKeysOf(db: Queryable, userId: string, now: Date): Promise<number> {
  const { numUpdatedRows } = await db.kysely
    .updateTable('api_keys')
    .set({ revoked_at: now })
    .where('tenant_id', 'in', ({ selectFrom }) =>
      selectFrom('memberships').select('tenant_id').where('user_id', '=', userId),
    )
    .where('created_by', '=', `user:${userId}`)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** @returns how many */
export async function deleteExpiredTokens(db: Queryable, now: Date): Promise<number> {
  const result = await db.kysely
    .deleteFrom('account_tokens')
    .where('expires_at', '<=', now)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
