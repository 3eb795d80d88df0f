import { v7 as newId } from 'uuid';
import type { Run } from '@holdfast/protocol';
import type { Ctx } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import type { ServerEvent } from '../log/index.ts';
import type { Tx } from '../ports.ts';
import type { LockedSession } from '../session/index.ts';
import { cancelRows } from './cancel.ts';
import { insertRun, selectUnfinished, toRun } from './queries.ts';

export interface QueuedRun {
  /** Under way: to be awaited together with the append, so that both share a round trip. */
  run: Promise<Run>;
  /** To be appended by the caller, in this order. */
  events: ServerEvent[];
}

/**
 * Queues a run in a locked session, by the session's policy for one that is already active.
 * @throws RESOURCE_CONFLICT under the policy `reject`; `run` rejects with NOT_FOUND for the agent
 */
export async function queueRun(
  ctx: Ctx,
  tx: Tx,
  session: LockedSession,
  agentId: string,
  messageId: string | null,
): Promise<QueuedRun> {
  const { tenantId, actor } = ctx.principal;
  const sessionId = session.id;
  const events = session.run_policy === 'queue' ? [] : await makeRoom(ctx, tx, session);
  const id = newId();
  const { executor } = session;
  const inserted = insertRun(tx, { tenantId, id, sessionId, agentId, messageId, executor });
  const run = inserted.then((row) => {
    if (row === null) throw notFound('Agent');
    return toRun(row);
  });
  const data = { run_id: id, agent_id: agentId, message_id: messageId };
  tx.afterCommit(() => ctx.signals.ready({ tenantId, sessionId }));
  return { run, events: [...events, { type: 'run.queued', actor, data }] };
}

async function makeRoom(ctx: Ctx, tx: Tx, session: LockedSession): Promise<ServerEvent[]> {
  const { tenantId } = ctx.principal;
  const rejects = session.run_policy === 'reject';
  const unfinished = await selectUnfinished(tx, tenantId, session.id, rejects ? 'read' : 'lock');
  if (unfinished.length === 0) return [];
  if (rejects) {
    throw new DomainError(
      'RESOURCE_CONFLICT',
      'A run is active in this session, whose policy is to reject.',
      {
        details: { run_id: unfinished[0]!.id },
        retryAfter: 1,
      },
    );
  }
  return cancelRows(ctx, tx, session.id, unfinished, 'interrupted by a newer message');
}
