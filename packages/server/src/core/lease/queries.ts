import { DomainError, notFound } from '../errors.ts';
import type { Queryable, Statement } from '../ports.ts';
import { isId } from '../wire.ts';

export interface LeaseRow {
  epoch: number;
  holder: string | null;
  ttl_ms: number;
  stalled: boolean;
  last_heartbeat: Date;
}

const COLUMNS = 'epoch, holder, ttl_ms, stalled, last_heartbeat';

const LOCK: Statement = {
  name: 'lease_lock',
  text: `select ${COLUMNS} from leases where tenant_id = $1 and session_id = $2 for no key update`,
};

const TAKE: Statement = {
  name: 'lease_take',
  text: `update leases set epoch = epoch + 1, holder = $3, ttl_ms = $4, stalled = false,
      last_heartbeat = clock_timestamp(), last_progress_at = clock_timestamp()
    where tenant_id = $1 and session_id = $2 returning ${COLUMNS}`,
};

const RELEASE: Statement = {
  name: 'lease_release',
  text: `update leases set holder = null, stalled = false where tenant_id = $1 and session_id = $2`,
};

/** Without its epoch a holder is fenced at once, whether or not it has noticed. */
const REVOKE: Statement = {
  name: 'lease_revoke',
  text: `update leases set holder = null, stalled = false, epoch = epoch + 1
    where tenant_id = $1 and session_id = $2 and ($3 or holder like 'server:%')`,
};

/** A late, doubled or reordered heartbeat with the current epoch only ever extends. */
const BEAT: Statement = {
  name: 'lease_beat',
  text: `update leases set last_heartbeat = greatest(last_heartbeat, clock_timestamp()), stalled = false,
      last_progress_at = case when $4 then clock_timestamp() else last_progress_at end
    where tenant_id = $1 and session_id = $2 and epoch = $3 and holder is not null and (not stalled or $5)
    returning ${COLUMNS}`,
};

/** Rows are locked in key order: unordered batches of two servers deadlock. */
const BEAT_MANY: Statement = {
  name: 'lease_beat_many',
  text: `with x as (select * from unnest($1::uuid[], $2::uuid[], $3::bigint[]) x(t, s, e)),
    l as materialized (
      select l.tenant_id, l.session_id from leases l join x on l.tenant_id = x.t and l.session_id = x.s
      where l.epoch = x.e and l.holder is not null and not l.stalled
      order by l.tenant_id, l.session_id for no key update of l
    )
    update leases set last_heartbeat = greatest(leases.last_heartbeat, clock_timestamp())
    from l, x where leases.tenant_id = l.tenant_id and leases.session_id = l.session_id
      and x.t = l.tenant_id and x.s = l.session_id and leases.epoch = x.e
    returning leases.session_id`,
};

/** `$1`: holders of servers only; `$2`: holders outside too. The condition is rechecked under the lock. */
const STALL: Statement = {
  name: 'lease_stall',
  text: `with due as (
      select tenant_id, session_id from leases
      where holder is not null and not stalled
        and last_heartbeat + ttl_ms * interval '1 millisecond' < clock_timestamp()
        and ($1 or holder like 'server:%')
      order by tenant_id, session_id limit $2 for update skip locked
    )
    update leases l set stalled = true from due
    where l.tenant_id = due.tenant_id and l.session_id = due.session_id
    returning l.tenant_id, l.session_id, l.epoch, l.holder, l.last_heartbeat`,
};

const STALL_HELD_BY: Statement = {
  name: 'lease_stall_held_by',
  text: `update leases set stalled = true where holder like $1 and not stalled
    returning tenant_id, session_id, epoch, holder, last_heartbeat`,
};

export async function lockLease(db: Queryable, tenantId: string, sessionId: string): Promise<LeaseRow> {
  if (!isId(sessionId)) throw notFound('Session');
  const rows = await db.query<LeaseRow>(LOCK, [tenantId, sessionId]);
  if (rows[0] === undefined) throw notFound('Session');
  return rows[0];
}

/**
 * Locks the lease and refuses whoever no longer holds it. Lock order: lease, session, run, steps.
 * @throws LEASE_LOST naming the current epoch; NOT_FOUND
 */
export async function fenceLease(
  db: Queryable,
  tenantId: string,
  sessionId: string,
  epoch: number,
): Promise<LeaseRow> {
  const lease = await lockLease(db, tenantId, sessionId);
  if (lease.epoch !== epoch || lease.holder === null || lease.stalled) throw leaseLost(lease);
  return lease;
}

export function leaseLost(lease: LeaseRow): DomainError {
  const state = lease.holder === null ? 'free' : lease.stalled ? 'stalled' : 'held';
  return new DomainError('LEASE_LOST', undefined, {
    details: { epoch: lease.epoch, state },
    suggestion:
      state === 'stalled'
        ? 'A heartbeat with the current epoch revives the lease.'
        : 'Claim the lease again.',
  });
}

export async function takeLease(
  db: Queryable,
  tenantId: string,
  sessionId: string,
  holder: string,
  ttlMs: number,
): Promise<LeaseRow> {
  return (await db.query<LeaseRow>(TAKE, [tenantId, sessionId, holder, ttlMs]))[0]!;
}

export async function freeLease(db: Queryable, tenantId: string, sessionId: string): Promise<void> {
  await db.query(RELEASE, [tenantId, sessionId]);
}

/** @param whose `server` leaves the lease of a holder outside alone */
export async function revokeLease(
  db: Queryable,
  tenantId: string,
  sessionId: string,
  whose: 'server' | 'any',
): Promise<void> {
  await db.query(REVOKE, [tenantId, sessionId, whose === 'any']);
}

/** @returns null when the epoch is not the current one, or the lease is stalled and `revive` is false */
export async function beatLease(
  db: Queryable,
  key: { tenantId: string; sessionId: string; epoch: number },
  progress: boolean,
  revive: boolean,
): Promise<LeaseRow | null> {
  const values = [key.tenantId, key.sessionId, key.epoch, progress, revive];
  return (await db.query<LeaseRow>(BEAT, values))[0] ?? null;
}

/** @returns the sessions whose lease is still held under that epoch */
export async function beatLeases(
  db: Queryable,
  keys: readonly { tenantId: string; sessionId: string; epoch: number }[],
): Promise<Set<string>> {
  const rows = await db.query<{ session_id: string }>(BEAT_MANY, [
    keys.map((key) => key.tenantId),
    keys.map((key) => key.sessionId),
    keys.map((key) => key.epoch),
  ]);
  return new Set(rows.map((row) => row.session_id));
}

export interface StalledLease {
  tenant_id: string;
  session_id: string;
  epoch: number;
  holder: string;
  last_heartbeat: Date;
}

export function stallLeases(db: Queryable, outsideToo: boolean, limit: number): Promise<StalledLease[]> {
  return db.query<StalledLease>(STALL, [outsideToo, limit]);
}

/** @param holder a name, or a pattern of `like` */
export function stallHeldBy(db: Queryable, holder: string): Promise<StalledLease[]> {
  return db.query<StalledLease>(STALL_HELD_BY, [holder]);
}
