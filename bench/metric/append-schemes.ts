import { randomUUID } from 'node:crypto';
import type { EventLog } from '../../packages/server/src/core/log/index.ts';
import type { Database } from '../harness/database.ts';

/** Some 100 bytes of JSON, as a step or a tool result has. */
export const DATA = {
  text: 'The quick brown fox jumps over the lazy dog, and then it does it again.',
  index: 7,
};
const JSON_TEXT = JSON.stringify(DATA);

export const INSERT = {
  name: 'bench_insert',
  text: `insert into events (tenant_id, session_id, seq, type, actor, client_msg_id, data)
    values ($1, $2, $3, 'bench.tick', 'bench', $4, $5::text::json)`,
};

/** Counter, duplicate check and insert for one event, in one statement. */
export const CTE = {
  name: 'bench_cte',
  text: `with dup as (
      select seq from events where tenant_id = $1 and session_id = $2 and client_msg_id = $3
    ), s as (
      update session_heads set last_seq = last_seq + 1
      where tenant_id = $1 and session_id = $2 and not exists (select 1 from dup) returning last_seq
    ), ins as (
      insert into events (tenant_id, session_id, seq, type, actor, client_msg_id, data)
      select $1, $2, s.last_seq, 'bench.tick', 'bench', $3, $4::text::json from s returning seq
    )
    select seq, false as duplicate from ins union all select seq, true from dup`,
};

/** The same for pgbench, which draws the session and makes the id itself. */
export function pgbenchScript(tenantId: string, sessions: number): string {
  const session = `('00000000-0000-4000-8000-' || lpad(to_hex(:n::int), 12, '0'))::uuid`;
  const keys = `tenant_id = '${tenantId}'::uuid and session_id = ${session}`;
  const text = `with m as materialized (select gen_random_uuid()::text as id), dup as (
      select seq from events where ${keys} and client_msg_id = (select id from m)
    ), s as (
      update session_heads set last_seq = last_seq + 1
      where ${keys} and not exists (select 1 from dup) returning last_seq
    ), ins as (
      insert into events (tenant_id, session_id, seq, type, actor, client_msg_id, data)
      select '${tenantId}'::uuid, ${session}, s.last_seq, 'bench.tick', 'bench', (select id from m),
        '${JSON_TEXT}'::json from s returning seq
    )
    select seq, false as duplicate from ins union all select seq, true from dup;`;
  return `\\set n random(1, ${sessions})\n${text.replaceAll(/\s+/g, ' ')}\n`;
}

type Query = (statement: { name: string; text: string }, values: unknown[]) => Promise<unknown>;

/** Appends one event to the log with that number, from 0. */
export type Append = (session: number) => Promise<unknown>;

/** Session ids are numbered, so that pgbench can build them too. */
export function sessionId(number: number): string {
  return `00000000-0000-4000-8000-${(number + 1).toString(16).padStart(12, '0')}`;
}

/** Empty logs under lease epoch 1, of a tenant of their own. */
export async function createLogs(db: Database, count: number): Promise<string> {
  const tenantId = randomUUID();
  const ids = Array.from({ length: count }, (_, number) => sessionId(number));
  const keys = `select $1::uuid, unnest($2::uuid[])`;
  await db.query(
    {
      name: `seed_heads_${count}`,
      text: `insert into session_heads (tenant_id, session_id, epoch) select *, 'e' from (${keys}) k`,
    },
    [tenantId, ids],
  );
  await db.query(
    {
      name: `seed_leases_${count}`,
      text: `insert into leases (tenant_id, session_id, epoch, holder) select *, 1, 'bench' from (${keys}) k`,
    },
    [tenantId, ids],
  );
  return tenantId;
}

export function appendByLog(log: EventLog, tenantId: string): Append {
  const event = { type: 'bench.tick', actor: 'bench', data: DATA };
  return (session) => log.append({ tenantId, sessionId: sessionId(session) }, event, 1);
}

export function appendByCte(query: Query, tenantId: string): Append {
  return (session) => query(CTE, [tenantId, sessionId(session), randomUUID(), JSON_TEXT]);
}

/** Numbers come from this process: unsafe with two writers, but the least that a row costs. */
export function appendByInsert(query: Query, tenantId: string): Append {
  const heads = new Map<number, number>();
  return (session) => {
    const seq = (heads.get(session) ?? 0) + 1;
    heads.set(session, seq);
    return query(INSERT, [tenantId, sessionId(session), seq, randomUUID(), JSON_TEXT]);
  };
}
