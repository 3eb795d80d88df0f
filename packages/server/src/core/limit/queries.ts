import { sql, type Selectable } from 'kysely';
import { notFound } from '../errors.ts';
import type { Queryable, Statement } from '../ports.ts';
import type { LimitTables } from '../table/index.ts';

export type BlockRow = Selectable<LimitTables['limit_blocks']>;

/** The newest so many; beyond them an attacker meets the limits themselves. */
const MAX_BLOCKS = 2000;

/** `ends_in` is milliseconds by the database's clock: servers need not agree on the time. */
const ACTIVE_OVERRIDES: Statement = {
  name: 'limit_active_overrides',
  text: `select tenant_id, policy, subject, allowance,
      (extract(epoch from expires_at - clock_timestamp()) * 1000)::float8 as ends_in
    from limit_overrides where expires_at is null or expires_at > clock_timestamp()`,
};

const ACTIVE_BLOCKS: Statement = {
  name: 'limit_active_blocks',
  text: `select tenant_id, policy, subject,
      (extract(epoch from blocked_until - clock_timestamp()) * 1000)::float8 as ends_in
    from limit_blocks where blocked_until > clock_timestamp()
    order by blocked_at desc limit ${MAX_BLOCKS}`,
};

/** Blocks of 5 minutes, doubling up to a day while less than a day lies between them. No row while one holds. */
const BLOCK: Statement = {
  name: 'limit_block',
  text: `insert into limit_blocks as b (tenant_id, policy, subject, level, blocked_at, blocked_until)
    values ($1, $2, $3, 1, clock_timestamp(), clock_timestamp() + interval '5 minutes')
    on conflict (tenant_id, policy, subject) do update set (level, blocked_at, blocked_until) = (
      select next.level, excluded.blocked_at,
        excluded.blocked_at + least(interval '24 hours', interval '5 minutes' * power(2, least(next.level, 20) - 1))
      from (select case when b.blocked_until > excluded.blocked_at - interval '24 hours'
        then b.level + 1 else 1 end as level) next)
    where b.blocked_until <= excluded.blocked_at
    returning level, blocked_at, blocked_until`,
};

const NOW = sql<Date>`clock_timestamp()`;

type Active = { tenant_id: string; policy: string; subject: string };

export function selectActiveOverrides(
  db: Queryable,
): Promise<(Active & { allowance: string | null; ends_in: number | null })[]> {
  return db.query(ACTIVE_OVERRIDES, []);
}

export function selectActiveBlocks(db: Queryable): Promise<(Active & { ends_in: number })[]> {
  return db.query(ACTIVE_BLOCKS, []);
}

/** Null when the subject is blocked already. */
export async function insertBlock(
  db: Queryable,
  { tenantId, policy, subject }: { tenantId: string; policy: string; subject: string },
): Promise<Pick<BlockRow, 'level' | 'blocked_at' | 'blocked_until'> | null> {
  return (
    (
      await db.query<Pick<BlockRow, 'level' | 'blocked_at' | 'blocked_until'>>(BLOCK, [
        tenantId,
        policy,
        subject,
      ])
    )[0] ?? null
  );
}

/** Ends the block and forgets the ones before it. @throws notFound when there is none */
export async function deleteBlock(
  db: Queryable,
  who: { tenantId: string; policy: string; subject: string },
): Promise<BlockRow> {
  const row = await db.kysely
    .deleteFrom('limit_blocks')
    .where('tenant_id', '=', who.tenantId)
    .where('policy', '=', who.policy)
    .where('subject', '=', who.subject)
    .where('blocked_until', '>', NOW)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw notFound('Block');
  return row;
}

/** In force, newest first. @param tenantId null for all */
export function selectBlocks(db: Queryable, tenantId: string | null, limit: number): Promise<BlockRow[]> {
  const all = db.kysely.selectFrom('limit_blocks').selectAll().where('blocked_until', '>', NOW);
  const some = tenantId === null ? all : all.where('tenant_id', '=', tenantId);
  return some.orderBy('blocked_at', 'desc').limit(limit).execute();
}

export async function findBlock(
  db: Queryable,
  who: { tenantId: string; policy: string; subject: string },
): Promise<BlockRow | null> {
  const row = await db.kysely
    .selectFrom('limit_blocks')
    .selectAll()
    .where('tenant_id', '=', who.tenantId)
    .where('policy', '=', who.policy)
    .where('subject', '=', who.subject)
    .where('blocked_until', '>', NOW)
    .executeTakeFirst();
  return row ?? null;
}

/** What ended a month ago is of no use to anybody. @returns how many rows */
export async function deleteEnded(db: Queryable): Promise<number> {
  const monthAgo = sql<Date>`clock_timestamp() - interval '30 days'`;
  const overrides = await db.kysely
    .deleteFrom('limit_overrides')
    .where('expires_at', '<', monthAgo)
    .executeTakeFirst();
  const blocks = await db.kysely
    .deleteFrom('limit_blocks')
    .where('blocked_until', '<', monthAgo)
    .executeTakeFirst();
  return Number(overrides.numDeletedRows + blocks.numDeletedRows);
}
