import type { Selectable } from 'kysely';
import type { Queryable, Statement } from '../ports.ts';
import type { Tables } from '../tables.ts';

export type SigningKeyRow = Selectable<Tables['signing_keys']>;

const ACTIVE: Statement = {
  name: 'identity_active_key',
  text: 'select kid from signing_keys where retires_at is null',
};

/** Any number serves, as long as nothing else in the database locks it. */
const ROTATION_LOCK = 7_300_004;

export async function findActiveKey(db: Queryable): Promise<string | null> {
  return (await db.query<{ kid: string }>(ACTIVE, []))[0]?.kid ?? null;
}

/** All keys, newest first. */
export async function selectSigningKeys(db: Queryable): Promise<SigningKeyRow[]> {
  return db.kysely
    .selectFrom('signing_keys')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('kid', 'desc')
    .execute();
}

/** Does nothing when another server was faster. */
export async function insertFirstKey(db: Queryable, key: { kid: string; now: Date }): Promise<void> {
  await db.kysely
    .insertInto('signing_keys')
    .values({ kid: key.kid, created_at: key.now, created_by: 'server' })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Held until the transaction ends. */
export async function lockRotation(db: Queryable): Promise<void> {
  await db.query({ name: 'identity_rotation_lock', text: 'select pg_advisory_xact_lock($1)' }, [
    ROTATION_LOCK,
  ]);
}

/** Makes a key that signs; all others stop signing, and verify at most until `retiresAt`. */
export async function replaceActiveKey(
  db: Queryable,
  key: { kid: string; createdBy: string; now: Date; retiresAt: Date },
): Promise<SigningKeyRow> {
  await db.kysely
    .updateTable('signing_keys')
    .set({ retires_at: key.retiresAt })
    .where(({ or, eb }) => or([eb('retires_at', 'is', null), eb('retires_at', '>', key.retiresAt)]))
    .execute();
  return db.kysely
    .insertInto('signing_keys')
    .values({ kid: key.kid, created_at: key.now, created_by: key.createdBy })
    .returningAll()
    .executeTakeFirstOrThrow();
}
