import { emailQuerySchema, type Email, type EmailQuery, type Page } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import { totalOf } from '../count-rows.ts';
import { fromJson, iso, pageOf } from '../wire.ts';
import { countMail, selectMail } from './queries.ts';
import { renderTemplate } from './template.ts';

type MailRow = Awaited<ReturnType<typeof selectMail>>[number];

/**
 * The mails of the tenant, newest first. What they say is told only of those that still wait, and only
 * where `settings.showsMail` is on. The look itself goes into the audit log.
 * @throws FORBIDDEN without `admin`; VALIDATION_ERROR
 */
export async function listMail(ctx: Ctx, input: EmailQuery): Promise<Page<Email>> {
  requireScope(ctx, 'admin');
  const { status, ...asked } = emailQuerySchema.parse(input);
  const { limit, after } = asked;
  const filter = { tenantId: ctx.principal.tenantId, status };
  return ctx.db.transaction(async (tx) => {
    const rows = await selectMail(tx, filter, { limit: limit + 1, after });
    const total = await totalOf(asked, rows, (include) => countMail(tx, filter, include));
    const page = pageOf(rows, limit, (row) => toEmail(row, ctx.settings.showsMail), total);
    await recordAudit(tx, auditor(ctx), {
      action: 'email.viewed',
      targets: page.items.map(({ id }) => ({ type: 'email', id })),
      details: { with_body: page.items.some(({ body }) => body !== null) },
    });
    return page;
  });
}

function toEmail(row: MailRow, showsBody: boolean): Email {
  return {
    id: row.id,
    recipient: row.recipient,
    template: row.template,
    status: row.status,
    attempts: row.attempts,
    next_attempt_at: row.status === 'queued' ? iso(row.next_attempt_at) : null,
    message_id: row.message_id,
    provider_id: row.provider_id,
    error: row.error,
    created_at: iso(row.created_at),
    sent_at: iso(row.sent_at),
    body: showsBody && row.status === 'queued' ? renderTemplate(row.template, fromJson(row.variables)) : null,
  };
}
