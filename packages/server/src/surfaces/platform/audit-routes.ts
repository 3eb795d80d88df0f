import { Readable } from 'node:stream';
import {
  auditChainSchema,
  auditEntryDetailSchema,
  auditEntrySchema,
  auditExportSchema,
  auditFilterSchema,
  auditKeySchema,
  auditVerificationSchema,
  verifyAuditSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { exportAudit, getAuditEntry, listAuditEntries, verifyAudit } from '../../features/audit/index.ts';
import { parseAddress } from '../shared/client-address.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page } from '../shared/schema.ts';

const URL = '/api/v1/admin/audit-logs';
const base = { tags: ['audit'], auth: 'required', scope: 'admin' } as const;
const MEDIA_TYPES = { jsonl: 'application/x-ndjson', csv: 'text/csv' } as const;

/** One form for an address, as it is recorded. */
function withAddress<T extends { ip?: string }>(filter: T): T {
  return filter.ip === undefined ? filter : { ...filter, ip: parseAddress(filter.ip) ?? filter.ip };
}

/** `/api/v1/admin/audit-logs` and the key its signatures are checked with. */
export function addAuditRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: URL,
    operationId: 'listAuditEntries',
    summary: 'Search the audit log, newest first',
    description: 'Looking at the log is recorded in it, once a minute for each reader.',
    query: auditFilterSchema.extend(idPageQuery),
    response: { 200: page(auditEntrySchema) },
    handler: async (ctx, { query: { limit, cursor, include_total, ...filter } }) =>
      pageReply(
        await listAuditEntries(ctx, {
          ...withAddress(filter),
          ...toPageQuery({ limit, cursor, include_total }),
        }),
      ),
  });
  addExport(app);
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: `${URL}/:entry_id`,
    operationId: 'getAuditEntry',
    summary: 'Get an audit entry with what it changed',
    params: z.object({ entry_id: idParam('Audit entry') }),
    query: z.strictObject({ chain: auditChainSchema.default('tenant') }),
    response: { 200: ok(auditEntryDetailSchema) },
    handler: async (ctx, { params: { entry_id }, query: { chain } }) =>
      okBody(await getAuditEntry(ctx, entry_id, chain)),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: `${URL}/verify`,
    operationId: 'verifyAuditLog',
    summary: 'Check that the audit log is what was written',
    description:
      'Reads every entry and the signed heads that this server keeps outside of the database. Answers 200 also ' +
      'when the log is not whole: see `valid`, `first_bad_seq` and `reason`.',
    body: verifyAuditSchema,
    response: { 200: ok(auditVerificationSchema) },
    handler: async (ctx, { body }) => okBody(await verifyAudit(ctx, body)),
  });
  defineRoute(app, {
    method: 'GET',
    url: '/api/v1/audit/public-key',
    operationId: 'getAuditKey',
    summary: 'The public key that signed heads of the audit log are checked with',
    tags: ['audit'],
    auth: 'none',
    response: { 200: ok(auditKeySchema) },
    handler: async ({ notary: { key, previous } }) =>
      okBody({ ...key, algorithm: 'Ed25519' as const, previous: [...previous] }),
  });
}

function addExport(app: FastifyInstance): void {
  const open = new Set<Readable>();
  // One that nobody reads would keep the server from ending.
  app.addHook('preClose', async () => {
    for (const stream of open) stream.destroy();
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: `${URL}/export`,
    operationId: 'exportAuditLog',
    summary: 'Export the audit log, oldest first',
    description:
      'JSON lines can be checked without this server by `npm run audit:verify`. Streamed: what comes after the first ' +
      'line is read as the caller takes it. Exporting is recorded in the log.',
    query: auditExportSchema,
    produces: Object.values(MEDIA_TYPES),
    response: { 200: z.string() },
    handler: async (ctx, { query }, reply) => {
      const parts = await exportAudit(ctx, withAddress(query));
      reply.header('content-type', `${MEDIA_TYPES[query.format]}; charset=utf-8`);
      reply.header('content-disposition', `attachment; filename="audit.${query.format}"`);
      reply.header('cache-control', 'no-store');
      const stream = Readable.from(parts, { highWaterMark: 1 });
      open.add(stream);
      stream.once('close', () => open.delete(stream));
      // Ends when the last byte is out, or when the caller went away.
      await reply.send(stream);
    },
  });
}
