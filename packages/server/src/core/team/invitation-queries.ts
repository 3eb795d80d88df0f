import type { Invitation } from '@holdfast/protocol';
import { sql, type ExpressionBuilder, type Selectable } from 'kysely';
import { countRows } from '../count-rows.ts';
import { notFound } from '../errors.ts';
import type { MemberRole } from '../identity/index.ts';
import type { Queryable } from '../ports.ts';
import type { Tables } from '../tables.ts';
import { isId, iso } from '../wire.ts';

type InvitationRow = Selectable<Tables['invitations']> & { expired: boolean };

const NOW = sql<Date>`clock_timestamp()`;
/** By the database's clock, as is everything about an invitation. */
const EXPIRED = sql<boolean>`expires_at <= clock_timestamp()`.as('expired');
const LIFE = sql<Date>`clock_timestamp() + interval '7 days'`;

export function toInvitation(row: InvitationRow): Invitation {
  return {
    id: row.id,
    email: row.email,
    role: row.role,
    status: statusOf(row),
    invited_by: row.invited_by,
    created_at: iso(row.created_at),
    expires_at: iso(row.expires_at),
    accepted_at: iso(row.accepted_at),
    revoked_at: iso(row.revoked_at),
  };
}

function statusOf(row: InvitationRow): Invitation['status'] {
  if (row.accepted_at !== null) return 'accepted';
  if (row.revoked_at !== null) return 'revoked';
  return row.expired ? 'expired' : 'pending';
}

const isOpen = (eb: ExpressionBuilder<Tables, 'invitations'>) =>
  eb.and([eb('accepted_at', 'is', null), eb('revoked_at', 'is', null)]);

export async function insertInvitation(
  db: Queryable,
  row: {
    tenant_id: string;
    id: string;
    email: string;
    role: MemberRole;
    token_hash: string;
    invited_by: string;
  },
): Promise<Invitation> {
  const made = await db.kysely
    .insertInto('invitations')
    .values({ ...row, expires_at: LIFE })
    .returningAll()
    .returning(EXPIRED)
    .executeTakeFirstOrThrow();
  return toInvitation(made);
}

/** Newest first. */
export async function selectInvitations(
  db: Queryable,
  teamId: string,
  page: { limit: number; after?: string },
): Promise<Invitation[]> {
  let query = db.kysely.selectFrom('invitations').selectAll().select(EXPIRED).where('tenant_id', '=', teamId);
  if (page.after !== undefined) query = query.where('id', '<', page.after);
  return (await query.orderBy('id', 'desc').limit(page.limit).execute()).map(toInvitation);
}

export function countInvitations(db: Queryable, teamId: string, include: boolean | undefined) {
  return countRows(db, db.kysely.selectFrom('invitations').where('tenant_id', '=', teamId), include);
}

/** @throws notFound, also for another team's */
export async function fetchInvitation(db: Queryable, teamId: string, id: string): Promise<Invitation> {
  if (!isId(id)) throw notFound('Invitation');
  const row = await db.kysely
    .selectFrom('invitations')
    .selectAll()
    .select(EXPIRED)
    .where('tenant_id', '=', teamId)
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) throw notFound('Invitation');
  return toInvitation(row);
}

/** Of whatever team: a token says where it leads. */
export async function findByToken(
  db: Queryable,
  tokenHash: string,
): Promise<{ teamId: string; invitation: Invitation } | null> {
  const row = await db.kysely
    .selectFrom('invitations')
    .selectAll()
    .select(EXPIRED)
    .where('token_hash', '=', tokenHash)
    .executeTakeFirst();
  return row === undefined ? null : { teamId: row.tenant_id, invitation: toInvitation(row) };
}

export async function markAccepted(db: Queryable, teamId: string, id: string, userId: string): Promise<void> {
  await db.kysely
    .updateTable('invitations')
    .set({ accepted_at: NOW, accepted_by: userId })
    .where('tenant_id', '=', teamId)
    .where('id', '=', id)
    .execute();
}

/** Ends those that are open. @returns how many */
async function revokeOpen(
  db: Queryable,
  teamId: string,
  which: Partial<Record<'id' | 'email' | 'invited_by', string>>,
): Promise<number> {
  const { numUpdatedRows } = await db.kysely
    .updateTable('invitations')
    .set({ revoked_at: NOW })
    .where('tenant_id', '=', teamId)
    .where((eb) => eb.and(which))
    .where(isOpen)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

export const revokeInvitationRow = (db: Queryable, teamId: string, id: string): Promise<number> =>
  revokeOpen(db, teamId, { id });

export const revokeInvitationsTo = (db: Queryable, teamId: string, email: string): Promise<number> =>
  revokeOpen(db, teamId, { email });

export const revokeInvitationsBy = (db: Queryable, teamId: string, userId: string): Promise<number> =>
  revokeOpen(db, teamId, { invited_by: userId });
