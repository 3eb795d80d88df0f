import { emailSchema, emailStatusSchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { listMail } from '../../core/mail/index.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { page } from '../shared/schema.ts';

/** `/api/v1/admin/emails`: the outbox of the tenant. */
export function addMailRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    method: 'GET',
    url: '/api/v1/admin/emails',
    operationId: 'listEmails',
    summary: 'List the mails of your team, newest first',
    description:
      'Each look is recorded in the audit log. What a mail says is shown only while it waits, on a server ' +
      'without a mail server that is not in production: so a developer gets at the links.',
    tags: ['mail'],
    auth: 'required',
    scope: 'admin',
    query: z.strictObject({ ...idPageQuery, status: emailStatusSchema.optional() }),
    response: { 200: page(emailSchema) },
    handler: async (ctx, { query }) =>
      pageReply(await listMail(ctx, { ...toPageQuery(query), status: query.status })),
  });
}
