import type { Team, TeamMember, UpdateTeam } from '@holdfast/protocol';
import { sql, type Selectable } from 'kysely';
import { countRows } from '../count-rows.ts';
import { notFound } from '../errors.ts';
import type { MemberRole } from '../identity/index.ts';
import type { Queryable } from '../ports.ts';
import type { Tables } from '../tables.ts';
import { iso } from '../wire.ts';

type TeamRow = Selectable<Tables['tenants']>;

function toTeam(row: TeamRow, role: MemberRole | null): Team {
  return {
    id: row.id,
    name: row.name,
    tier: row.tier,
    role,
    version: row.version,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
}

/** A tenant with its first project, which has the same name. */
export async function insertTeam(
  db: Queryable,
  { id, projectId, name, role }: { id: string; projectId: string; name: string; role: MemberRole },
): Promise<Team> {
  const row = await db.kysely
    .insertInto('tenants')
    .values({ id, name })
    .returningAll()
    .executeTakeFirstOrThrow();
  await db.kysely.insertInto('projects').values({ tenant_id: id, id: projectId, name }).execute();
  return toTeam(row, role);
}

/** @throws notFound */
export async function fetchTeam(db: Queryable, id: string, role: MemberRole | null): Promise<Team> {
  const row = await db.kysely.selectFrom('tenants').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw notFound('Team');
  return toTeam(row, role);
}

/** The teams of a user, newest first. */
export async function selectTeamsOf(
  db: Queryable,
  userId: string,
  page: { limit: number; after?: string },
): Promise<Team[]> {
  let query = db.kysely
    .selectFrom('memberships')
    .innerJoin('tenants', 'tenants.id', 'memberships.tenant_id')
    .selectAll('tenants')
    .select('memberships.role')
    .where('memberships.user_id', '=', userId);
  if (page.after !== undefined) query = query.where('tenants.id', '<', page.after);
  const rows = await query.orderBy('tenants.id', 'desc').limit(page.limit).execute();
  return rows.map((row) => toTeam(row, row.role));
}

export function countTeamsOf(db: Queryable, userId: string, include: boolean | undefined) {
  return countRows(db, db.kysely.selectFrom('memberships').where('user_id', '=', userId), include);
}

export async function updateTeamRow(
  db: Queryable,
  id: string,
  { name, tier }: UpdateTeam,
  role: MemberRole | null,
): Promise<Team> {
  const row = await db.kysely
    .updateTable('tenants')
    .set(({ eb }) => ({
      ...(name === undefined ? {} : { name }),
      ...(tier === undefined ? {} : { tier }),
      version: eb('version', '+', 1),
      updated_at: sql<Date>`clock_timestamp()`,
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toTeam(row, role);
}

/**
 * Until the transaction ends nobody else changes who is in the team, or what they may do.
 * Rows that refer to the team can still be written.
 */
export async function lockTeam(db: Queryable, id: string): Promise<void> {
  await db.kysely.selectFrom('tenants').select('id').where('id', '=', id).forNoKeyUpdate().execute();
}

export async function lockUser(db: Queryable, id: string): Promise<void> {
  await db.kysely.selectFrom('users').select('id').where('id', '=', id).forNoKeyUpdate().execute();
}

/** Whether the user owns the tenant that the first start made. */
export async function ownsInstallation(db: Queryable, userId: string): Promise<boolean> {
  const row = await db.kysely
    .selectFrom('memberships')
    .innerJoin('tenants', 'tenants.id', 'memberships.tenant_id')
    .select('tenants.id')
    .where('tenants.is_home', '=', true)
    .where('memberships.user_id', '=', userId)
    .where('memberships.role', '=', 'owner')
    .executeTakeFirst();
  return row !== undefined;
}

export async function findMemberRole(
  db: Queryable,
  teamId: string,
  userId: string,
): Promise<MemberRole | null> {
  const row = await db.kysely
    .selectFrom('memberships')
    .select('role')
    .where('tenant_id', '=', teamId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row?.role ?? null;
}

function members(db: Queryable, teamId: string) {
  return db.kysely
    .selectFrom('memberships')
    .innerJoin('users', 'users.id', 'memberships.user_id')
    .select(['users.id', 'users.name', 'users.email', 'memberships.role', 'memberships.created_at'])
    .where('memberships.tenant_id', '=', teamId);
}

function toMember(row: {
  id: string;
  name: string;
  email: string;
  role: MemberRole;
  created_at: Date;
}): TeamMember {
  const { id, name, email, role, created_at } = row;
  return { user_id: id, name, email, role, joined_at: iso(created_at) };
}

/** @throws notFound */
export async function fetchMember(db: Queryable, teamId: string, userId: string): Promise<TeamMember> {
  const row = await members(db, teamId).where('users.id', '=', userId).executeTakeFirst();
  if (row === undefined) throw notFound('Member');
  return toMember(row);
}

/** In order of the users' ids. */
export async function selectMembers(
  db: Queryable,
  teamId: string,
  page: { limit: number; after?: string },
): Promise<TeamMember[]> {
  let query = members(db, teamId);
  if (page.after !== undefined) query = query.where('users.id', '>', page.after);
  return (await query.orderBy('users.id').limit(page.limit).execute()).map(toMember);
}

export function countMembers(db: Queryable, teamId: string, include: boolean | undefined) {
  return countRows(db, members(db, teamId), include);
}

export async function isMemberEmail(db: Queryable, teamId: string, email: string): Promise<boolean> {
  const row = await members(db, teamId).where('users.email', '=', email).executeTakeFirst();
  return row !== undefined;
}

export async function countOwned(db: Queryable, userId: string): Promise<number> {
  const { count } = await db.kysely
    .selectFrom('memberships')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('user_id', '=', userId)
    .where('role', '=', 'owner')
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function hasOtherOwner(db: Queryable, teamId: string, userId: string): Promise<boolean> {
  const row = await db.kysely
    .selectFrom('memberships')
    .select('user_id')
    .where('tenant_id', '=', teamId)
    .where('role', '=', 'owner')
    .where('user_id', '!=', userId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** @returns false when the user is a member already */
export async function addMember(
  db: Queryable,
  member: { tenant_id: string; user_id: string; role: MemberRole },
): Promise<boolean> {
  const row = await db.kysely
    .insertInto('memberships')
    .values(member)
    .onConflict((conflict) => conflict.doNothing())
    .returning('user_id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function updateMemberRole(
  db: Queryable,
  teamId: string,
  userId: string,
  role: MemberRole,
): Promise<void> {
  await db.kysely
    .updateTable('memberships')
    .set({ role })
    .where('tenant_id', '=', teamId)
    .where('user_id', '=', userId)
    .execute();
}

export async function deleteMember(db: Queryable, teamId: string, userId: string): Promise<void> {
  await db.kysely
    .deleteFrom('memberships')
    .where('tenant_id', '=', teamId)
    .where('user_id', '=', userId)
    .execute();
}
