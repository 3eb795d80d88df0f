import type { Message } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import type { Services } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import type { ServerEvent } from '../log/index.ts';
import type { Queryable, Statement, Tx } from '../ports.ts';
import { together } from '../together.ts';
import { iso, isId } from '../wire.ts';
import type { LockedSession } from './queries.ts';

/**
 * Where a message may interrupt a run, the lease is locked too, and first: the executor that is
 * being interrupted locks in the same order.
 */
const COUNT_MESSAGE: Statement = {
  name: 'session_count_message',
  text: `with l as (
      select 1 from leases l join sessions s on s.tenant_id = l.tenant_id and s.id = l.session_id
      where l.tenant_id = $1 and l.session_id = $2 and s.run_policy = 'interrupt' for no key update of l
    )
    update sessions set message_count = message_count + 1, updated_at = clock_timestamp()
    from (select count(*) from l) locked
    where tenant_id = $1 and id = $2
    returning id, project_id, agent_id, status, run_policy, executor, message_count - 1 as message_index`,
};

const INSERT_MESSAGE: Statement = {
  name: 'message_insert',
  text: `insert into messages
      (tenant_id, id, session_id, message_index, seq, role, content, run_id, client_msg_id, metadata)
    values ($1, $2, $3, $4,
      (select last_seq - $5 from session_heads where tenant_id = $1 and session_id = $3),
      $6, $7, $8, $9, $10::json)
    returning seq, created_at`,
};

export interface NewMessage {
  id?: string;
  role: Message['role'];
  content: string;
  actor: string;
  runId?: string | null;
  clientMsgId?: string | null;
  metadata?: Record<string, unknown>;
}

/** The session, locked, with room made for one more message. */
export type CountedSession = LockedSession & { message_index: number };

/**
 * Counts one more message of an active session and so locks it.
 * @throws NOT_FOUND, also for another tenant's; RESOURCE_CONFLICT when it is closed
 */
export async function countMessage(db: Queryable, tenantId: string, id: string): Promise<CountedSession> {
  if (!isId(id)) throw notFound('Session');
  const rows = await db.query<CountedSession>(COUNT_MESSAGE, [tenantId, id]);
  const session = rows[0];
  if (session === undefined) throw notFound('Session');
  requireActive(session);
  return session;
}

/** @throws RESOURCE_CONFLICT when the session is closed */
export function requireActive(session: { status: string }): void {
  if (session.status === 'active') return;
  throw new DomainError('RESOURCE_CONFLICT', `The session is ${session.status}; it takes no more work.`, {
    details: { status: session.status },
  });
}

/**
 * Writes a message and its event, and further events after it, in one append.
 * `counted` comes from `countMessage` in the same transaction.
 */
export async function addMessage(
  services: Pick<Services, 'log'>,
  tx: Tx,
  tenantId: string,
  counted: CountedSession,
  input: NewMessage,
  events: { before?: ServerEvent[]; after?: ServerEvent[] } = {},
): Promise<Message> {
  const { id = newId(), role, content, actor, runId = null, clientMsgId = null, metadata = {} } = input;
  const { id: sessionId, message_index } = counted;
  const before = events.before ?? [];
  const created: ServerEvent = {
    type: 'message.created',
    actor,
    data: {
      message_id: id,
      message_index,
      role,
      content,
      run_id: runId,
      client_msg_id: clientMsgId,
      metadata,
    },
    ...(clientMsgId === null ? {} : { clientMsgId }),
  };
  const target = { tenantId, sessionId };
  const after = events.after ?? [];
  // The append holds the log's head until the commit, so its number is known without waiting for it.
  const [, rows] = await together([
    services.log.appendTx(tx, target, [...before, created, ...after]),
    tx.query<{ seq: number; created_at: Date }>(INSERT_MESSAGE, [
      tenantId,
      id,
      sessionId,
      message_index,
      after.length,
      role,
      content,
      runId,
      clientMsgId,
      JSON.stringify(metadata),
    ]),
  ]);
  const { seq, created_at } = rows[0]!;
  return {
    id,
    session_id: sessionId,
    message_index,
    seq,
    role,
    content,
    run_id: runId,
    client_msg_id: clientMsgId,
    metadata,
    created_at: iso(created_at),
  };
}
