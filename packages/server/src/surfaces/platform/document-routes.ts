import {
  documentContentSchema,
  documentSchema,
  MAX_DOCUMENT_BYTES,
  passageSchema,
  searchDocumentsSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  deleteDocument,
  getDocument,
  listDocuments,
  putDocument,
  searchDocuments,
} from '../../core/document/index.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { checkTextUpload, checkUploadName } from '../shared/upload.ts';
import { documentAs, idParam, ok, okBody, page, wholeNumber } from '../shared/schema.ts';

const base = { tags: ['documents'], auth: 'required' } as const;
const ofProject = z.object({ project_id: idParam('Project') });
const params = z.object({ document_id: idParam('Document') });
const MEDIA_TYPES = ['text/plain', 'text/markdown'];

/** `/api/v1/projects/:project_id/documents`: texts that agents search and quote. */
export function addDocumentRoutes(app: FastifyInstance, uploadLimit: number): void {
  app.register(async (scope) => addUpload(scope, Math.min(uploadLimit, MAX_DOCUMENT_BYTES)));
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/projects/:project_id/documents',
    operationId: 'listDocuments',
    summary: 'List the documents of a project, newest first',
    scope: 'read',
    params: ofProject,
    query: z.strictObject(idPageQuery),
    response: { 200: page(documentSchema) },
    handler: async (ctx, { params: { project_id }, query }) =>
      pageReply(await listDocuments(ctx, project_id, toPageQuery(query))),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/projects/:project_id/documents/search',
    operationId: 'searchDocuments',
    summary: 'Search the documents of a project',
    scope: 'read',
    params: ofProject,
    query: z.strictObject({
      query: searchDocumentsSchema.shape.query,
      limit: wholeNumber(1, 50).prefault('5'),
    }),
    response: { 200: ok(z.array(passageSchema)) },
    handler: async (ctx, { params: { project_id }, query }) =>
      okBody(await searchDocuments(ctx, project_id, query)),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/documents/:document_id',
    operationId: 'getDocument',
    summary: 'Get a document with its content',
    scope: 'read',
    params,
    response: { 200: ok(documentContentSchema) },
    handler: async (ctx, { params: { document_id } }) => okBody(await getDocument(ctx, document_id)),
  });
  defineRoute(app, {
    ...base,
    method: 'DELETE',
    url: '/api/v1/documents/:document_id',
    operationId: 'deleteDocument',
    summary: 'Delete a document',
    scope: 'write',
    params,
    response: { 204: null },
    handler: async (ctx, { params: { document_id } }) => deleteDocument(ctx, document_id),
  });
}

function addUpload(app: FastifyInstance, bodyLimit: number): void {
  app.addContentTypeParser(MEDIA_TYPES, { parseAs: 'buffer', bodyLimit }, (_request, body, done) =>
    done(null, body),
  );
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/projects/:project_id/documents',
    operationId: 'putDocument',
    summary: 'Upload a text or Markdown file; the same name again replaces it',
    scope: 'write',
    params: ofProject,
    query: z.strictObject({ name: z.string().min(1).max(300) }),
    consumes: MEDIA_TYPES,
    bodyLimit,
    body: documentAs(z.instanceof(Buffer, { error: 'must be a text or Markdown file' }), { type: 'string' }),
    response: { 201: ok(documentSchema), 200: ok(documentSchema) },
    handler: async (ctx, { params: { project_id }, query: { name }, body }, reply) => {
      checkUploadName(name.trim());
      checkTextUpload(body);
      const media_type = reply.request.headers['content-type'] ?? '';
      const { document, created } = await putDocument(ctx, project_id, { name, media_type, content: body });
      reply.code(created ? 201 : 200);
      return okBody(document);
    },
  });
}
