import { sql, type Selectable } from 'kysely';
import { countRows } from '../count-rows.ts';
import type { Queryable, Statement } from '../ports.ts';
import type { Tables } from '../tables.ts';
import { fromJson } from '../wire.ts';

type MailRow = Selectable<Tables['emails']>;

/** A mail that this server is to send now. */
export interface ClaimedMail extends Pick<
  MailRow,
  'tenant_id' | 'id' | 'recipient' | 'template' | 'variables' | 'attempts'
> {
  message_id: string;
}

/** Of links and tokens nothing is kept once a mail has left, or never will. */
const BLANKED = sql<string>`((variables::jsonb - 'token') - 'url')::json`;

/** Also what another server left in the middle; the id of the message stays what it was. */
const CLAIM: Statement = {
  name: 'mail_claim',
  text: `with due as materialized (
      select tenant_id, id from emails
      where status in ('queued', 'sending') and next_attempt_at <= clock_timestamp()
        and expires_at > clock_timestamp()
      order by next_attempt_at limit $1 for update skip locked
    )
    update emails e set status = 'sending', attempts = e.attempts + 1,
      next_attempt_at = clock_timestamp() + $2 * interval '1 millisecond',
      message_id = coalesce(e.message_id, '<' || e.id || '@' || $3 || '>')
    from due where e.tenant_id = due.tenant_id and e.id = due.id
    returning e.tenant_id, e.id, e.recipient, e.template, e.variables, e.attempts, e.message_id`,
};

/** What is known of the person behind an address; null for a stranger. */
export async function findRecipient(
  db: Queryable,
  email: string,
): Promise<{ tenantId: string | null; notifications: Record<string, unknown> } | null> {
  const row = await db.kysely
    .selectFrom('users')
    .leftJoin('memberships', 'memberships.user_id', 'users.id')
    .select(['users.notifications', 'memberships.tenant_id'])
    .where('users.email', '=', email.toLowerCase())
    .orderBy('memberships.created_at')
    .orderBy('memberships.tenant_id')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : { tenantId: row.tenant_id, notifications: fromJson(row.notifications) };
}

export async function insertMail(
  db: Queryable,
  {
    keepHours,
    ...mail
  }: Pick<MailRow, 'tenant_id' | 'id' | 'recipient' | 'template' | 'variables'> & {
    keepHours: number;
  },
): Promise<void> {
  await db.kysely
    .insertInto('emails')
    .values({ ...mail, expires_at: sql<Date>`clock_timestamp() + ${keepHours}::integer * interval '1 hour'` })
    .execute();
}

/**
 * Takes mails that are due; each is given to one server.
 * @param leaseMs how long it may take, before another server may send the mail too
 * @param domain what a new Message-ID ends with
 */
export function claimMail(
  db: Queryable,
  { limit, leaseMs, domain }: { limit: number; leaseMs: number; domain: string },
): Promise<ClaimedMail[]> {
  return db.query<ClaimedMail>(CLAIM, [limit, leaseMs, domain]);
}

/** Only of the attempt that is named: a later one may be under way on another server. */
function attempt(db: Queryable, mail: ClaimedMail) {
  return db.kysely
    .updateTable('emails')
    .where('tenant_id', '=', mail.tenant_id)
    .where('id', '=', mail.id)
    .where('status', '=', 'sending')
    .where('attempts', '=', mail.attempts);
}

export async function markSent(db: Queryable, mail: ClaimedMail, providerId: string | null): Promise<void> {
  await attempt(db, mail)
    .set({
      status: 'sent',
      sent_at: sql`clock_timestamp()`,
      provider_id: providerId,
      error: null,
      variables: BLANKED,
    })
    .execute();
}

export async function markFailed(db: Queryable, mail: ClaimedMail, error: string): Promise<void> {
  await attempt(db, mail).set({ status: 'failed', error, variables: BLANKED }).execute();
}

export async function markForRetry(
  db: Queryable,
  mail: ClaimedMail,
  { error, afterMs }: { error: string; afterMs: number },
): Promise<void> {
  await attempt(db, mail)
    .set({
      status: 'queued',
      error,
      next_attempt_at: sql`clock_timestamp() + ${afterMs}::integer * interval '1 millisecond'`,
    })
    .execute();
}

/** Gives up what waited longer than it is of use. @returns how many */
export async function expireMail(db: Queryable): Promise<number> {
  const { numUpdatedRows } = await db.kysely
    .updateTable('emails')
    .set({ status: 'failed', error: 'It was not sent in time.', variables: BLANKED })
    .where('status', 'in', ['queued', 'sending'])
    .where('expires_at', '<=', sql<Date>`clock_timestamp()`)
    // One that is being sent is left to its sender.
    .where((eb) =>
      eb.or([eb('status', '=', 'queued'), eb('next_attempt_at', '<=', sql<Date>`clock_timestamp()`)]),
    )
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

interface MailFilter {
  tenantId: string;
  status?: MailRow['status'];
}

function matching(db: Queryable, { tenantId, status }: MailFilter) {
  const query = db.kysely.selectFrom('emails').selectAll().where('tenant_id', '=', tenantId);
  return status === undefined ? query : query.where('status', '=', status);
}

/** Newest first. */
export function selectMail(
  db: Queryable,
  filter: MailFilter,
  page: { limit: number; after?: string },
): Promise<MailRow[]> {
  const query = matching(db, filter).orderBy('id', 'desc').limit(page.limit);
  return (page.after === undefined ? query : query.where('id', '<', page.after)).execute();
}

export function countMail(db: Queryable, filter: MailFilter, include: boolean | undefined) {
  return countRows(db, matching(db, filter), include);
}
