import type { Message } from '@holdfast/protocol';
import type { Queryable, Statement } from '../ports.ts';
import { fromJson, iso } from '../wire.ts';

const COLUMNS =
  'id, session_id, message_index, seq, role, content, run_id, client_msg_id, metadata, created_at';

const LIST: Statement = {
  name: 'message_list',
  text: `select ${COLUMNS} from messages where tenant_id = $1 and session_id = $2 and message_index > $3
    order by message_index limit $4`,
};

const RECENT: Statement = {
  name: 'message_recent',
  text: `select ${COLUMNS} from messages where tenant_id = $1 and session_id = $2
    order by message_index desc limit $3`,
};

const BY_ID: Statement = {
  name: 'message_by_id',
  text: `select ${COLUMNS} from messages where tenant_id = $1 and session_id = $2 and id = $3`,
};

const BY_CLIENT_ID: Statement = {
  name: 'message_by_client_id',
  text: `select ${COLUMNS} from messages where tenant_id = $1 and session_id = $2 and client_msg_id = $3`,
};

type MessageRow = Omit<Message, 'metadata' | 'created_at'> & { metadata: string; created_at: Date };

function toMessage(row: MessageRow): Message {
  return { ...row, metadata: fromJson(row.metadata), created_at: iso(row.created_at) };
}

/** Oldest first. */
export async function selectMessages(
  db: Queryable,
  target: { tenantId: string; sessionId: string },
  after: number,
  limit: number,
): Promise<Message[]> {
  const rows = await db.query<MessageRow>(LIST, [target.tenantId, target.sessionId, after, limit]);
  return rows.map(toMessage);
}

/** The newest `limit` messages, oldest of them first; before them the one to answer, if it is older still. */
export async function selectConversation(
  db: Queryable,
  { tenantId, sessionId, triggerId }: { tenantId: string; sessionId: string; triggerId: string | null },
  limit: number,
): Promise<Message[]> {
  const rows = await db.query<MessageRow>(RECENT, [tenantId, sessionId, limit]);
  if (triggerId !== null && rows.length === limit && !rows.some((row) => row.id === triggerId)) {
    rows.push(...(await db.query<MessageRow>(BY_ID, [tenantId, sessionId, triggerId])));
  }
  return rows.reverse().map(toMessage);
}

export async function findMessageByClientId(
  db: Queryable,
  tenantId: string,
  sessionId: string,
  clientMsgId: string,
): Promise<Message | null> {
  const rows = await db.query<MessageRow>(BY_CLIENT_ID, [tenantId, sessionId, clientMsgId]);
  return rows[0] === undefined ? null : toMessage(rows[0]);
}
