import type { Queryable, Statement } from '../ports.ts';
import type { EventRow } from './frame.ts';
import type { LogTarget } from './types.ts';

/** `extract` calculates exact decimals, at several times the cost of this. */
const EPOCH_MS = "(date_part('epoch', created_at) * 1000)";

/** The row lock on the head is held from numbering to commit: if n is visible, so are 1..n-1. */
const APPEND: Statement = {
  name: 'log_append',
  text: `with h as (
      update session_heads set last_seq = last_seq + cardinality($3::text[])
      where tenant_id = $1 and session_id = $2 returning last_seq - cardinality($3::text[]) as base
    )
    insert into events (tenant_id, session_id, seq, type, actor, client_msg_id, data)
    select $1, $2, h.base + x.ord, x.type, x.actor, x.client_msg_id, x.data::json
    from h, unnest($3::text[], $4::text[], $5::text[], $6::text[]) with ordinality
      x(type, actor, client_msg_id, data, ord)
    returning seq, ${EPOCH_MS} as at`,
};

/**
 * Appends to many logs in one statement. Leases, then heads, are locked in key order, so that two
 * servers cannot deadlock; the duplicate look-up is a subquery because a join gets a sequential scan.
 */
const APPEND_MANY: Statement = {
  name: 'log_append_many',
  text: `with i as materialized (
      select x.*, (select e.seq from events e
        where e.tenant_id = x.t and e.session_id = x.s and e.client_msg_id = x.m) as dup
      from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
        with ordinality x(t, s, type, actor, m, d, epoch, ord)
    ), f as materialized (
      select l.tenant_id, l.session_id, l.epoch from leases l
      where (l.tenant_id, l.session_id) in (select t, s from i where dup is null and epoch is not null)
        and l.holder is not null and not l.stalled
      order by l.tenant_id, l.session_id for share
    ), allowed as materialized (
      select i.* from i left join f on f.tenant_id = i.t and f.session_id = i.s
      where i.dup is null and (i.epoch is null or i.epoch = f.epoch)
    ), c as (
      select t, s, count(*) as n from allowed group by t, s
    ), l as materialized (
      select h.tenant_id, h.session_id from session_heads h
      where (h.tenant_id, h.session_id) in (select t, s from c)
      order by h.tenant_id, h.session_id for no key update
    ), u as (
      update session_heads h set last_seq = h.last_seq + c.n
      from c join l on l.tenant_id = c.t and l.session_id = c.s
      where h.tenant_id = c.t and h.session_id = c.s
      returning h.tenant_id, h.session_id, h.last_seq - c.n as base
    ), n as materialized (
      select a.*, u.base + row_number() over (partition by a.t, a.s order by a.ord) as seq
      from allowed a join u on u.tenant_id = a.t and u.session_id = a.s
    ), ins as (
      insert into events (tenant_id, session_id, seq, type, actor, client_msg_id, data)
      select t, s, seq, type, actor, m, d::json from n
      returning tenant_id, session_id, seq, ${EPOCH_MS} as at
    )
    select n.ord, n.seq, false as duplicate, ins.at from n
    join ins on ins.tenant_id = n.t and ins.session_id = n.s and ins.seq = n.seq
    union all
    select i.ord, i.dup, true, null from i where i.dup is not null`,
};

/** Sizes are as stored (perhaps compressed): they bound a page without reading what it leaves out. */
const READ: Statement = {
  name: 'log_read',
  text: `select seq, type, actor, client_msg_id, data, ${EPOCH_MS} as at from (
      select p.*, sum(pg_column_size(data)) over (order by seq rows unbounded preceding) as upto
      from (
        select * from events where tenant_id = $1 and session_id = $2 and seq > $3 order by seq limit $4
      ) p
    ) q
    where upto - pg_column_size(data) < $5 order by seq`,
};

const HEAD: Statement = {
  name: 'log_head',
  text: `select epoch, last_seq, min_seq from session_heads where tenant_id = $1 and session_id = $2`,
};

const HEADS: Statement = {
  name: 'log_heads',
  text: `select h.tenant_id, h.session_id, h.last_seq from session_heads h
    join unnest($1::uuid[], $2::uuid[]) x(t, s) on h.tenant_id = x.t and h.session_id = x.s`,
};

export interface NewRow {
  type: string;
  actor: string;
  clientMsgId: string;
  /** JSON text. */
  data: string;
}

export interface BatchRow extends NewRow, LogTarget {
  /** Lease epoch the write is fenced by, or null for the server's own writes. */
  epoch: number | null;
}

export async function insertEvents(
  db: Queryable,
  target: LogTarget,
  rows: readonly NewRow[],
): Promise<{ seq: number; at: number }[]> {
  const inserted = await db.query<{ seq: number; at: number }>(APPEND, [
    target.tenantId,
    target.sessionId,
    rows.map((row) => row.type),
    rows.map((row) => row.actor),
    rows.map((row) => row.clientMsgId),
    rows.map((row) => row.data),
  ]);
  return inserted.sort((a, b) => a.seq - b.seq);
}

/** Answers by position in `rows` (`ord`, from 1); a refused or unknown target has no answer. */
export function insertBatch(
  db: Queryable,
  rows: readonly BatchRow[],
): Promise<{ ord: number; seq: number; duplicate: boolean; at: number | null }[]> {
  return db.query(APPEND_MANY, [
    rows.map((row) => row.tenantId),
    rows.map((row) => row.sessionId),
    rows.map((row) => row.type),
    rows.map((row) => row.actor),
    rows.map((row) => row.clientMsgId),
    rows.map((row) => row.data),
    rows.map((row) => row.epoch),
  ]);
}

/** Up to `limit` rows, fewer where the next would begin beyond `maxBytes`; at least one if there is one. */
export function selectEvents(
  db: Queryable,
  target: LogTarget,
  after: number,
  limit: number,
  maxBytes: number,
): Promise<EventRow[]> {
  return db.query(READ, [target.tenantId, target.sessionId, after, limit, maxBytes]);
}

export async function selectHead(
  db: Queryable,
  target: LogTarget,
): Promise<{ epoch: string; last_seq: number; min_seq: number } | null> {
  const rows = await db.query<{ epoch: string; last_seq: number; min_seq: number }>(HEAD, [
    target.tenantId,
    target.sessionId,
  ]);
  return rows[0] ?? null;
}

export function selectHeads(
  db: Queryable,
  targets: readonly LogTarget[],
): Promise<{ tenant_id: string; session_id: string; last_seq: number }[]> {
  return db.query(HEADS, [targets.map((t) => t.tenantId), targets.map((t) => t.sessionId)]);
}
