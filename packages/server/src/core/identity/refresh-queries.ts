import type { Queryable } from '../ports.ts';

/** A refresh token and the login it belongs to. */
export interface RefreshRow {
  login_id: string;
  user_id: string;
  tenant_id: string;
  expires_at: Date;
  revoked_at: Date | null;
  used_at: Date | null;
  salt: string | null;
}

export async function insertRefreshToken(
  db: Queryable,
  row: { hash: string; loginId: string; now: Date },
): Promise<void> {
  await db.kysely
    .insertInto('refresh_tokens')
    .values({ token_hash: row.hash, login_id: row.loginId, created_at: row.now })
    .execute();
}

export async function findRefreshToken(db: Queryable, hash: string): Promise<RefreshRow | null> {
  const row = await db.kysely
    .selectFrom('refresh_tokens')
    .innerJoin('user_sessions', 'user_sessions.id', 'refresh_tokens.login_id')
    .select(['login_id', 'user_id', 'tenant_id', 'expires_at', 'revoked_at', 'used_at', 'salt'])
    .where('token_hash', '=', hash)
    .executeTakeFirst();
  return row ?? null;
}

/** Locks the login too, so that of two uses at once the second sees the first. */
export async function lockRefreshToken(db: Queryable, hash: string): Promise<RefreshRow | null> {
  await db.kysely
    .selectFrom('user_sessions')
    .select('id')
    .where('id', 'in', (query) =>
      query.selectFrom('refresh_tokens').select('login_id').where('token_hash', '=', hash),
    )
    .forUpdate()
    .execute();
  // A statement of its own: it sees what the lock waited for.
  return findRefreshToken(db, hash);
}

/** Marks it used, and forgets how the tokens before it led to it. */
export async function updateTokenUsed(
  db: Queryable,
  row: { hash: string; loginId: string; salt: string; now: Date },
): Promise<void> {
  await db.kysely
    .updateTable('refresh_tokens')
    .set({ salt: null })
    .where('login_id', '=', row.loginId)
    .where('salt', 'is not', null)
    .execute();
  await db.kysely
    .updateTable('refresh_tokens')
    .set({ used_at: row.now, salt: row.salt })
    .where('token_hash', '=', row.hash)
    .execute();
}
