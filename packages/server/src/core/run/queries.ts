import type { AgentSnapshot, Run } from '@holdfast/protocol';
import { countRows } from '../count-rows.ts';
import { notFound } from '../errors.ts';
import type { Queryable, Statement } from '../ports.ts';
import type { RunStatus } from '../tables.ts';
import { fromJson, isId, iso } from '../wire.ts';

/** Of `runs r`; what `RunRow` reads. */
export const RUN_COLUMNS = `r.id, r.session_id, r.agent_id, r.message_id, r.status, r.executor, r.agent, r.epoch, r.step_count,
  r.input_tokens, r.output_tokens, r.recoveries, r.error, r.cancel_reason, r.created_at, r.started_at, r.ended_at`;

/** The agent as it is now travels with the run; no row when the agent is not the tenant's. */
const INSERT: Statement = {
  name: 'run_insert',
  text: `insert into runs as r (tenant_id, id, session_id, agent_id, message_id, status, executor, agent)
    select $1, $2, $3, a.id, $5, 'queued', $6, json_build_object('name', a.name, 'instructions', a.instructions,
      'model', a.model, 'tools', a.tools, 'budgets', a.budgets)
    from agents a where a.tenant_id = $1 and a.id = $4
    returning ${RUN_COLUMNS}`,
};

const FETCH: Statement = {
  name: 'run_fetch',
  text: `select ${RUN_COLUMNS} from runs r where tenant_id = $1 and session_id = $2 and id = $3`,
};

const LOCK: Statement = { name: 'run_lock', text: `${FETCH.text} for no key update` };

const UNFINISHED: Statement = {
  name: 'run_unfinished',
  text: `select ${RUN_COLUMNS} from runs r where tenant_id = $1 and session_id = $2 and ended_at is null
    order by started_at is null, id`,
};

const LOCK_UNFINISHED: Statement = {
  name: 'run_lock_unfinished',
  text: `${UNFINISHED.text} for no key update`,
};

const OF_MESSAGE: Statement = {
  name: 'run_of_message',
  text: `select ${RUN_COLUMNS} from runs r where tenant_id = $1 and session_id = $2 and message_id = $3`,
};

const UPDATE: Statement = {
  name: 'run_update',
  text: `update runs r set status = $3, epoch = coalesce($4, epoch), step_count = step_count + $5,
      input_tokens = input_tokens + $6, output_tokens = output_tokens + $7, recoveries = recoveries + $8,
      error = coalesce($9::json, error), cancel_reason = coalesce($10, cancel_reason),
      started_at = coalesce(started_at, clock_timestamp()),
      ended_at = case when $3 in ('completed', 'failed', 'cancelled') then clock_timestamp() end
    where tenant_id = $1 and id = $2 returning ${RUN_COLUMNS}`,
};

const MOVE: Statement = {
  name: 'run_move',
  text: `${UPDATE.text}, exists (select 1 from runs o where o.tenant_id = $1 and o.session_id = r.session_id
      and o.id <> $2 and o.ended_at is null) as has_next`,
};

export interface RunRow {
  id: string;
  session_id: string;
  agent_id: string;
  message_id: string | null;
  status: RunStatus;
  executor: 'server' | 'external';
  agent: string;
  epoch: number | null;
  step_count: number;
  input_tokens: number;
  output_tokens: number;
  recoveries: number;
  error: string | null;
  cancel_reason: string | null;
  created_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
}

export function toRun(row: RunRow): Run {
  const { agent: _agent, input_tokens, output_tokens, ...rest } = row;
  return {
    ...rest,
    usage: { input_tokens, output_tokens },
    error: fromJson(row.error),
    created_at: iso(row.created_at),
    started_at: iso(row.started_at),
    ended_at: iso(row.ended_at),
  };
}

export function agentOf(row: RunRow): AgentSnapshot {
  return fromJson(row.agent);
}

/** @returns null when the agent is not the tenant's */
export async function insertRun(
  db: Queryable,
  row: {
    tenantId: string;
    id: string;
    sessionId: string;
    agentId: string;
    messageId: string | null;
    executor: string;
  },
): Promise<RunRow | null> {
  const values = [row.tenantId, row.id, row.sessionId, row.agentId, row.messageId, row.executor];
  return (await db.query<RunRow>(INSERT, values))[0] ?? null;
}

/** @throws notFound, also for another tenant's or another session's */
export async function fetchRun(
  db: Queryable,
  tenantId: string,
  sessionId: string,
  id: string,
  lock: 'lock' | 'read' = 'read',
): Promise<RunRow> {
  if (!isId(sessionId) || !isId(id)) throw notFound('Run');
  const rows = await db.query<RunRow>(lock === 'lock' ? LOCK : FETCH, [tenantId, sessionId, id]);
  if (rows[0] === undefined) throw notFound('Run');
  return rows[0];
}

/** The active one first, then the queued ones, oldest first. Whoever ends or moves them locks them. */
export function selectUnfinished(
  db: Queryable,
  tenantId: string,
  sessionId: string,
  lock: 'lock' | 'read' = 'read',
): Promise<RunRow[]> {
  return db.query<RunRow>(lock === 'lock' ? LOCK_UNFINISHED : UNFINISHED, [tenantId, sessionId]);
}

export async function selectRunOfMessage(
  db: Queryable,
  tenantId: string,
  sessionId: string,
  messageId: string,
): Promise<RunRow | null> {
  return (await db.query<RunRow>(OF_MESSAGE, [tenantId, sessionId, messageId]))[0] ?? null;
}

export interface RunChange {
  status: RunStatus;
  epoch?: number;
  newSteps?: number;
  inputTokens?: number;
  outputTokens?: number;
  newRecoveries?: number;
  error?: { code: string; message: string };
  cancelReason?: string;
}

/** A run after its change, and whether others of its session have not ended. */
export type MovedRun = RunRow & { has_next: boolean };

export async function updateRun(
  db: Queryable,
  tenantId: string,
  id: string,
  change: RunChange,
): Promise<RunRow> {
  return (await db.query<RunRow>(UPDATE, valuesOf(tenantId, id, change)))[0]!;
}

export async function moveRun(
  db: Queryable,
  tenantId: string,
  id: string,
  change: RunChange,
): Promise<MovedRun> {
  return (await db.query<MovedRun>(MOVE, valuesOf(tenantId, id, change)))[0]!;
}

function valuesOf(tenantId: string, id: string, change: RunChange): unknown[] {
  return [
    tenantId,
    id,
    change.status,
    change.epoch ?? null,
    change.newSteps ?? 0,
    change.inputTokens ?? 0,
    change.outputTokens ?? 0,
    change.newRecoveries ?? 0,
    change.error === undefined ? null : JSON.stringify(change.error),
    change.cancelReason ?? null,
  ];
}

export async function selectRuns(
  db: Queryable,
  tenantId: string,
  sessionId: string,
  page: { limit: number; after?: string },
): Promise<Run[]> {
  const rows = await db.query<RunRow>(
    {
      name: 'run_list',
      text: `select ${RUN_COLUMNS} from runs r where tenant_id = $1 and session_id = $2
        and ($3::uuid is null or id < $3) order by id desc limit $4`,
    },
    [tenantId, sessionId, page.after ?? null, page.limit],
  );
  return rows.map(toRun);
}

export function countRuns(db: Queryable, tenantId: string, sessionId: string, include: boolean | undefined) {
  const query = db.kysely
    .selectFrom('runs')
    .where('tenant_id', '=', tenantId)
    .where('session_id', '=', sessionId);
  return countRows(db, query, include);
}
