import type { Notifications, Profile } from '@holdfast/protocol';
import { sql, type Selectable } from 'kysely';
import { notFound } from '../errors.ts';
import type { Queryable } from '../ports.ts';
import type { Tables } from '../tables.ts';
import { fromJson, iso } from '../wire.ts';

const SHOWN = [
  'id',
  'email',
  'email_verified',
  'name',
  'locale',
  'notifications',
  'version',
  'created_at',
  'updated_at',
] as const;

/** Only what differs is stored, so that a new kind of mail needs no change of rows. */
const DEFAULTS: Notifications = { secret_expiring: true };

function toProfile(row: Pick<Selectable<Tables['users']>, (typeof SHOWN)[number]>): Profile {
  return {
    id: row.id,
    email: row.email,
    email_verified: row.email_verified,
    name: row.name,
    locale: row.locale,
    notifications: { ...DEFAULTS, ...fromJson<Partial<Notifications>>(row.notifications) },
    version: row.version,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
}

/** @param locked holds the row until the transaction ends. @throws notFound */
export async function fetchProfile(db: Queryable, userId: string, locked = false): Promise<Profile> {
  let query = db.kysely.selectFrom('users').select(SHOWN).where('id', '=', userId);
  if (locked) query = query.forNoKeyUpdate();
  const row = await query.executeTakeFirst();
  if (row === undefined) throw notFound('User');
  return toProfile(row);
}

export async function updateProfileRow(
  db: Queryable,
  userId: string,
  change: { name?: string; locale?: string | null; notifications?: Notifications },
): Promise<Profile> {
  const { name, locale, notifications } = change;
  const row = await db.kysely
    .updateTable('users')
    .set(({ eb }) => ({
      ...(name === undefined ? {} : { name }),
      ...(locale === undefined ? {} : { locale }),
      ...(notifications === undefined ? {} : { notifications: JSON.stringify(notifications) }),
      version: eb('version', '+', 1),
      updated_at: sql<Date>`clock_timestamp()`,
    }))
    .where('id', '=', userId)
    .returning(SHOWN)
    .executeTakeFirstOrThrow();
  return toProfile(row);
}
