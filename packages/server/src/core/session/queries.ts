import type { Session } from '@holdfast/protocol';
import { countRows } from '../count-rows.ts';
import { notFound } from '../errors.ts';
import type { Queryable, Statement } from '../ports.ts';
import type { SessionStatus } from '../tables.ts';
import { fromJson, isId, iso } from '../wire.ts';

const COLUMNS = `s.id, s.project_id, s.agent_id, s.kind, s.status, s.title, s.metadata, s.run_policy, s.executor,
  s.message_count, s.version, s.created_by, s.started_at, s.completed_at, s.created_at, s.updated_at,
  h.last_seq, l.epoch, l.holder, l.stalled, l.ttl_ms, l.last_heartbeat`;

const JOINED = `sessions s
  join session_heads h on h.tenant_id = s.tenant_id and h.session_id = s.id
  join leases l on l.tenant_id = s.tenant_id and l.session_id = s.id`;

/** Session, head, lease and the first event in one statement; no row if project or agent is not the tenant's. */
const INSERT: Statement = {
  name: 'session_insert',
  text: `with s as (
      insert into sessions (tenant_id, id, project_id, agent_id, kind, title, metadata, run_policy, executor, created_by)
      select $1, $2, p.id, $4, $5, $6, $7::json, $8, $9, $10 from projects p
      where p.tenant_id = $1 and p.id = $3
        and ($4::uuid is null or exists (select 1 from agents a where a.tenant_id = $1 and a.id = $4))
      returning *
    ), h as (
      insert into session_heads (tenant_id, session_id, epoch, last_seq) select tenant_id, id, $11, 1 from s
      returning *
    ), l as (
      insert into leases (tenant_id, session_id, ttl_ms) select tenant_id, id, $12 from s returning *
    ), e as (
      insert into events (tenant_id, session_id, seq, type, actor, client_msg_id, data)
      select tenant_id, id, 1, 'session.created', $10, $13, $14::json from s
    )
    select ${COLUMNS} from s, h, l`,
};

const FETCH: Statement = {
  name: 'session_fetch',
  text: `select ${COLUMNS} from ${JOINED} where s.tenant_id = $1 and s.id = $2`,
};

/** Locks the session, so that its status cannot change before the transaction ends. */
const LOCK: Statement = {
  name: 'session_lock',
  text: `select id, project_id, agent_id, status, run_policy, executor from sessions
    where tenant_id = $1 and id = $2 for no key update`,
};

interface SessionRow {
  id: string;
  project_id: string;
  agent_id: string | null;
  kind: Session['kind'];
  status: Session['status'];
  title: string | null;
  metadata: string;
  run_policy: Session['run_policy'];
  executor: Session['executor'];
  message_count: number;
  version: number;
  created_by: string;
  started_at: Date;
  completed_at: Date | null;
  created_at: Date;
  updated_at: Date;
  last_seq: number;
  epoch: number;
  holder: string | null;
  stalled: boolean;
  ttl_ms: number;
  last_heartbeat: Date;
}

function toSession(row: SessionRow): Session {
  const { epoch, holder, stalled, ttl_ms, last_heartbeat, metadata, ...rest } = row;
  const state = holder === null ? 'free' : stalled ? 'stalled' : 'held';
  return {
    ...rest,
    metadata: fromJson(metadata),
    lease: { epoch, state, holder, ttl_ms, last_heartbeat: iso(last_heartbeat) },
    started_at: iso(row.started_at),
    completed_at: iso(row.completed_at),
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
}

export interface NewSession {
  tenantId: string;
  id: string;
  projectId: string;
  agentId: string | null;
  kind: string;
  title: string | null;
  metadata: string;
  runPolicy: string;
  executor: string;
  createdBy: string;
  logEpoch: string;
  ttlMs: number;
  eventId: string;
  eventData: string;
}

/** @returns null when project or agent is not the tenant's */
export async function insertSession(db: Queryable, row: NewSession): Promise<Session | null> {
  const rows = await db.query<SessionRow>(INSERT, [
    row.tenantId,
    row.id,
    row.projectId,
    row.agentId,
    row.kind,
    row.title,
    row.metadata,
    row.runPolicy,
    row.executor,
    row.createdBy,
    row.logEpoch,
    row.ttlMs,
    row.eventId,
    row.eventData,
  ]);
  return rows[0] === undefined ? null : toSession(rows[0]);
}

/** @throws notFound, also for another tenant's */
export async function fetchSession(db: Queryable, tenantId: string, id: string): Promise<Session> {
  if (!isId(id)) throw notFound('Session');
  const rows = await db.query<SessionRow>(FETCH, [tenantId, id]);
  if (rows[0] === undefined) throw notFound('Session');
  return toSession(rows[0]);
}

export interface LockedSession {
  id: string;
  project_id: string;
  agent_id: string | null;
  status: Session['status'];
  run_policy: Session['run_policy'];
  executor: Session['executor'];
}

/** @throws notFound, also for another tenant's */
export async function lockSession(db: Queryable, tenantId: string, id: string): Promise<LockedSession> {
  if (!isId(id)) throw notFound('Session');
  const rows = await db.query<LockedSession>(LOCK, [tenantId, id]);
  if (rows[0] === undefined) throw notFound('Session');
  return rows[0];
}

export interface SessionFilter {
  limit: number;
  after?: string;
  projectId?: string;
  status?: string;
}

/** Newest first. */
export async function selectSessions(
  db: Queryable,
  tenantId: string,
  { limit, after, projectId, status }: SessionFilter,
): Promise<Session[]> {
  const wheres = ['s.tenant_id = $1'];
  const values: unknown[] = [tenantId];
  const add = (sql: string, value: unknown) => wheres.push(`${sql} $${values.push(value)}`);
  if (projectId !== undefined) add('s.project_id =', projectId);
  if (after !== undefined) add('s.id <', after);
  if (status !== undefined) add('s.status =', status);
  const text = `select ${COLUMNS} from ${JOINED} where ${wheres.join(' and ')}
    order by s.id desc limit $${values.push(limit)}`;
  const shape = [projectId, after, status].map((value) => (value === undefined ? 0 : 1)).join('');
  const rows = await db.query<SessionRow>({ name: `session_list_${shape}`, text }, values);
  return rows.map(toSession);
}

export function countSessions(
  db: Queryable,
  tenantId: string,
  { projectId, status, include }: { projectId?: string; status?: Session['status']; include?: boolean },
) {
  let query = db.kysely.selectFrom('sessions').where('tenant_id', '=', tenantId);
  if (projectId !== undefined) query = query.where('project_id', '=', projectId);
  if (status !== undefined) query = query.where('status', '=', status as SessionStatus);
  return countRows(db, query, include);
}
