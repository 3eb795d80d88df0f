import type { AgentSnapshot, Step } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import type { Services } from '../context.ts';
import type { ServerEvent } from '../log/index.ts';
import type { Statement, Tx } from '../ports.ts';
import type { SessionKey } from '../signal/index.ts';
import { freeLease } from '../lease/index.ts';
import { endOpenSteps } from './cancel.ts';
import { agentOf, RUN_COLUMNS, toRun, updateRun, type RunRow } from './queries.ts';
import { begunEvent, endedEvent } from './step-events.ts';
import { endStep, insertStep, retryStep, selectOpenSteps, toStep } from './step-queries.ts';

/** Only a session's active run, or its oldest queued one where none is; only while nobody holds the session. */
const claimText = (where: string) => `with c as (
    select r.tenant_id, ${RUN_COLUMNS}, l.epoch as old_epoch, l.stalled as was_stalled
    from runs r join leases l on l.tenant_id = r.tenant_id and l.session_id = r.session_id
    where r.ended_at is null and r.executor = 'server' and r.status in ('queued', 'running')
      and (l.holder is null or l.stalled) ${where}
      and (r.started_at is not null or not exists (
        select 1 from runs o where o.tenant_id = r.tenant_id and o.session_id = r.session_id
          and o.ended_at is null and (o.started_at is not null or o.id < r.id)))
    order by r.id limit 1 for update of l, r skip locked
  )
  update leases l set epoch = l.epoch + 1, holder = $1, ttl_ms = $2, stalled = false,
    last_heartbeat = clock_timestamp(), last_progress_at = clock_timestamp()
  from c where l.tenant_id = c.tenant_id and l.session_id = c.session_id
  returning c.*, l.epoch as lease_epoch, (select s.project_id from sessions s
    where s.tenant_id = c.tenant_id and s.id = c.session_id) as project_id`;

const CLAIM_ANY: Statement = { name: 'run_claim_any', text: claimText('') };
const CLAIM_SESSION: Statement = {
  name: 'run_claim_session',
  text: claimText('and r.tenant_id = $3 and r.session_id = $4'),
};

/** The run as it was, and the lease it is taken under now. */
interface ClaimRow extends RunRow {
  tenant_id: string;
  project_id: string;
  old_epoch: number;
  was_stalled: boolean;
  lease_epoch: number;
}

/** A run together with the lease it was taken under. */
export interface RunClaim {
  tenantId: string;
  sessionId: string;
  projectId: string;
  runId: string;
  agentId: string;
  /** The message the run answers. */
  triggerId: string | null;
  agent: AgentSnapshot;
  epoch: number;
  /** Milliseconds since 1970 by the database's clock. */
  startedAt: number;
  /** Message id of the model step that is open, if there is one. */
  messageId: string | null;
  /** Its steps, where the claim knows them all. */
  steps: Step[] | null;
}

export interface Claimer {
  /** Name of the holder, `server:<id>`. */
  holder: string;
  actor: string;
}

/**
 * Takes the lease of one session that has a run to execute, and puts the run into a state to go on from:
 * a fresh one has its first model step begun; an interrupted one has its open steps resolved.
 * @param only look at this session alone
 * @returns null when there is nothing to do, or another server was quicker
 */
export function claimRun(services: Services, claimer: Claimer, only?: SessionKey): Promise<RunClaim | null> {
  return services.db.transaction(async (tx) => {
    const base = [claimer.holder, services.settings.leaseTtlMs];
    const rows =
      only === undefined
        ? await tx.query<ClaimRow>(CLAIM_ANY, base)
        : await tx.query<ClaimRow>(CLAIM_SESSION, [...base, only.tenantId, only.sessionId]);
    const claimed = rows[0];
    if (claimed === undefined) return null;
    if (claimed.status === 'queued') return begin(services, tx, claimer, claimed);
    return resume(services, tx, claimer, claimed);
  });
}

function claimOf(row: ClaimRow, run: RunRow, messageId: string | null, steps: Step[] | null): RunClaim {
  return {
    tenantId: row.tenant_id,
    sessionId: row.session_id,
    projectId: row.project_id,
    runId: run.id,
    agentId: run.agent_id,
    triggerId: run.message_id,
    agent: agentOf(run),
    epoch: row.lease_epoch,
    startedAt: run.started_at!.getTime(),
    messageId,
    steps,
  };
}

async function begin(
  services: Services,
  tx: Tx,
  { holder, actor }: Claimer,
  row: ClaimRow,
): Promise<RunClaim> {
  const { tenant_id: tenantId, session_id: sessionId, id: runId, lease_epoch: epoch } = row;
  const messageId = newId();
  const { model } = agentOf(row);
  const started = { run_id: runId, step_index: 0, kind: 'model' as const, message_id: messageId, model };
  const [, run, step] = await tx.last([
    services.log.appendTx(tx, { tenantId, sessionId }, [
      ...recovered(row, holder, actor),
      { type: 'run.started', actor, data: { run_id: runId, epoch, holder } },
      { type: 'step.started', actor, data: started },
    ]),
    updateRun(tx, tenantId, runId, { status: 'running', epoch, newSteps: 1 }),
    insertStep(tx, {
      tenantId,
      sessionId,
      runId,
      stepIndex: 0,
      kind: 'model',
      status: 'started',
      epoch,
      messageId,
      name: model,
      callId: null,
      policy: null,
      input: undefined,
      timeoutSeconds: null,
    }),
  ]);
  return claimOf(row, run, messageId, [toStep(step)]);
}

async function resume(
  services: Services,
  tx: Tx,
  { holder, actor }: Claimer,
  row: ClaimRow,
): Promise<RunClaim | null> {
  const target = { tenantId: row.tenant_id, sessionId: row.session_id };
  if (row.was_stalled && row.recoveries >= services.settings.maxRecoveries) {
    await failPoisonous(services, tx, { holder, actor }, row);
    return null;
  }
  const newRecoveries = row.was_stalled ? 1 : 0;
  const change = { status: 'running', epoch: row.lease_epoch, newRecoveries } as const;
  const run = await updateRun(tx, row.tenant_id, row.id, change);
  const reopened = await reopenSteps(tx, row.tenant_id, row.id, row.lease_epoch, actor);
  const from_step = reopened.firstIndex ?? run.step_count;
  await services.log.appendTx(tx, target, [
    ...recovered(row, holder, actor),
    { type: 'run.resumed', actor, data: { run_id: run.id, epoch: row.lease_epoch, holder, from_step } },
    ...reopened.events,
  ]);
  return claimOf(row, run, reopened.messageId, null);
}

function recovered(row: ClaimRow, holder: string, actor: string): ServerEvent[] {
  if (!row.was_stalled) return [];
  return [
    { type: 'session.recovered', actor, data: { epoch: row.lease_epoch, from_epoch: row.old_epoch, holder } },
  ];
}

/** A run that kills every holder must not be handed on for ever. */
async function failPoisonous(
  services: Services,
  tx: Tx,
  { holder, actor }: Claimer,
  row: ClaimRow,
): Promise<void> {
  const target = { tenantId: row.tenant_id, sessionId: row.session_id };
  const error = {
    code: 'RECOVERY_LIMIT',
    message: 'Every holder of this run died; it will not be tried again.',
  };
  const open = await endOpenSteps(tx, row.tenant_id, row.id, actor, error);
  const run = await updateRun(tx, row.tenant_id, row.id, { status: 'failed', error });
  const data = { run_id: run.id, steps: run.step_count, usage: toRun(run).usage, error };
  const events = [...recovered(row, holder, actor), ...open];
  await services.log.appendTx(tx, target, [...events, { type: 'run.failed', actor, data }]);
  await freeLease(tx, row.tenant_id, row.session_id);
  tx.afterCommit(() => services.signals.ready(target));
}

/**
 * Resolves what a dead holder left open: its half-said answer is superseded and begun anew,
 * a tool is repeated only where its policy allows, a client's tool is still waited for.
 */
export async function reopenSteps(tx: Tx, tenantId: string, runId: string, epoch: number, actor: string) {
  const events: ServerEvent[] = [];
  let messageId: string | null = null;
  const open = await selectOpenSteps(tx, tenantId, runId);
  for (const step of open) {
    const key = { tenantId, runId, stepIndex: step.step_index };
    if (step.status === 'waiting') continue;
    if (step.kind === 'model') {
      messageId = newId();
      const data = { message_id: step.message_id!, run_id: runId, reason: 'the holder was lost' };
      events.push({ type: 'message.superseded', actor, data });
      events.push(begunEvent(await retryStep(tx, key, epoch, messageId), actor));
    } else if (step.policy === 'retry') {
      events.push(begunEvent(await retryStep(tx, key, epoch, null), actor));
    } else {
      const message = 'The holder was lost during this call; it may or may not have taken effect.';
      const ended = await endStep(tx, key, 'failed', { error: { code: 'INTERRUPTED', message } });
      if (ended !== null) events.push(endedEvent(ended, actor));
    }
  }
  return { events, messageId, firstIndex: open[0]?.step_index };
}
