import type { Step } from '@holdfast/protocol';
import type { Queryable, Statement } from '../ports.ts';
import type { StepStatus } from '../tables.ts';
import { fromJson, iso } from '../wire.ts';

const COLUMNS = `run_id, step_index, session_id, kind, status, attempt, epoch, message_id, name, call_id, policy,
  idempotency_key, input, output, input_tokens, output_tokens, deadline_at, started_at, ended_at`;

const INSERT: Statement = {
  name: 'step_insert',
  text: `insert into steps (tenant_id, run_id, step_index, session_id, kind, status, epoch, message_id, name,
      call_id, policy, idempotency_key, input, deadline_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::json,
      clock_timestamp() + $14 * interval '1 second')
    returning ${COLUMNS}`,
};

const OF_RUN: Statement = {
  name: 'step_list',
  text: `select ${COLUMNS} from steps where tenant_id = $1 and run_id = $2 order by step_index`,
};

const OPEN: Statement = {
  name: 'step_open',
  text: `select ${COLUMNS} from steps
    where tenant_id = $1 and run_id = $2 and status in ('started', 'waiting') order by step_index`,
};

const FIND: Statement = {
  name: 'step_find',
  text: `select ${COLUMNS} from steps where tenant_id = $1 and run_id = $2 and step_index = $3`,
};

const END: Statement = {
  name: 'step_end',
  text: `update steps set status = $4, output = $5::json, input_tokens = $6, output_tokens = $7,
      ended_at = clock_timestamp()
    where tenant_id = $1 and run_id = $2 and step_index = $3 and status in ('started', 'waiting')
    returning ${COLUMNS}`,
};

const RETRY: Statement = {
  name: 'step_retry',
  text: `update steps set attempt = attempt + 1, epoch = $4, message_id = $5, started_at = clock_timestamp()
    where tenant_id = $1 and run_id = $2 and step_index = $3 returning ${COLUMNS}`,
};

const EXPIRED: Statement = {
  name: 'step_expired',
  text: `select tenant_id, session_id, run_id, step_index from steps
    where status = 'waiting' and deadline_at < clock_timestamp() order by deadline_at limit $1`,
};

export interface StepRow {
  run_id: string;
  step_index: number;
  session_id: string;
  kind: 'model' | 'tool';
  status: StepStatus;
  attempt: number;
  epoch: number;
  message_id: string | null;
  name: string;
  call_id: string | null;
  policy: 'retry' | 'once' | null;
  idempotency_key: string;
  input: string | null;
  output: string | null;
  input_tokens: number;
  output_tokens: number;
  deadline_at: Date | null;
  started_at: Date;
  ended_at: Date | null;
}

export function toStep(row: StepRow): Step {
  return {
    run_id: row.run_id,
    step_index: row.step_index,
    kind: row.kind,
    status: row.status,
    name: row.name,
    attempt: row.attempt,
    call_id: row.call_id,
    message_id: row.message_id,
    idempotency_key: row.idempotency_key,
    policy: row.policy,
    input: fromJson(row.input),
    output: fromJson(row.output),
    usage: { input_tokens: row.input_tokens, output_tokens: row.output_tokens },
    deadline_at: iso(row.deadline_at),
    started_at: iso(row.started_at),
    ended_at: iso(row.ended_at),
  };
}

export interface NewStep {
  tenantId: string;
  runId: string;
  stepIndex: number;
  sessionId: string;
  kind: 'model' | 'tool';
  status: 'started' | 'waiting';
  epoch: number;
  messageId: string | null;
  name: string;
  callId: string | null;
  policy: 'retry' | 'once' | null;
  input: unknown;
  timeoutSeconds: number | null;
}

/** The same for every attempt of one step. */
export function stepKey({ runId, stepIndex }: Pick<NewStep, 'runId' | 'stepIndex'>): string {
  return `${runId}/${stepIndex}`;
}

export async function insertStep(db: Queryable, step: NewStep): Promise<StepRow> {
  const rows = await db.query<StepRow>(INSERT, [
    step.tenantId,
    step.runId,
    step.stepIndex,
    step.sessionId,
    step.kind,
    step.status,
    step.epoch,
    step.messageId,
    step.name,
    step.callId,
    step.policy,
    stepKey(step),
    step.input === undefined ? null : JSON.stringify(step.input),
    step.timeoutSeconds,
  ]);
  return rows[0]!;
}

export function selectSteps(db: Queryable, tenantId: string, runId: string): Promise<StepRow[]> {
  return db.query<StepRow>(OF_RUN, [tenantId, runId]);
}

export function selectOpenSteps(db: Queryable, tenantId: string, runId: string): Promise<StepRow[]> {
  return db.query<StepRow>(OPEN, [tenantId, runId]);
}

export async function findStep(
  db: Queryable,
  tenantId: string,
  runId: string,
  stepIndex: number,
): Promise<StepRow | null> {
  return (await db.query<StepRow>(FIND, [tenantId, runId, stepIndex]))[0] ?? null;
}

/** @returns null when the step is not open */
export async function endStep(
  db: Queryable,
  key: { tenantId: string; runId: string; stepIndex: number },
  status: 'completed' | 'failed',
  output: unknown,
  usage = { input_tokens: 0, output_tokens: 0 },
): Promise<StepRow | null> {
  const rows = await db.query<StepRow>(END, [
    key.tenantId,
    key.runId,
    key.stepIndex,
    status,
    output === undefined ? null : JSON.stringify(output),
    usage.input_tokens,
    usage.output_tokens,
  ]);
  return rows[0] ?? null;
}

export async function retryStep(
  db: Queryable,
  key: { tenantId: string; runId: string; stepIndex: number },
  epoch: number,
  messageId: string | null,
): Promise<StepRow> {
  return (await db.query<StepRow>(RETRY, [key.tenantId, key.runId, key.stepIndex, epoch, messageId]))[0]!;
}

export function selectExpired(
  db: Queryable,
  limit: number,
): Promise<{ tenant_id: string; session_id: string; run_id: string; step_index: number }[]> {
  return db.query(EXPIRED, [limit]);
}
