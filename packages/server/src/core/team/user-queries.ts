import type { Account, Queryable } from '../ports.ts';

/** @param email in lower case */
export async function findUserByEmail(db: Queryable, email: string): Promise<Account | null> {
  const row = await db.kysely
    .selectFrom('users')
    .select(['id', 'email', 'name'])
    .where('email', '=', email)
    .executeTakeFirst();
  return row ?? null;
}

export async function fetchUser(db: Queryable, id: string): Promise<Account> {
  return db.kysely
    .selectFrom('users')
    .select(['id', 'email', 'name'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
}

export async function findUserName(db: Queryable, id: string): Promise<string | null> {
  const row = await db.kysely.selectFrom('users').select('name').where('id', '=', id).executeTakeFirst();
  return row?.name ?? null;
}

/** Whoever shows what was mailed to an address reads its mails. */
export async function markProven(db: Queryable, id: string): Promise<void> {
  await db.kysely
    .updateTable('users')
    .set({ email_verified: true })
    .where('id', '=', id)
    .where('email_verified', '=', false)
    .execute();
}
