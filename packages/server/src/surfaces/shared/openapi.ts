import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../core/errors.ts';
import { etagOf, isKnown } from './etag.ts';
import type { Explorer } from './openapi-explorer.ts';
import { EXPLORER_CSP } from './security-headers.ts';

const DOCUMENT_PATH = '/api/openapi.json';
const EXPLORER_PATH = '/api/docs';

/**
 * Serves the OpenAPI document and its explorer. Both are built by the first request for either:
 * the generator and the explorer's files cost nothing before that.
 * @param version of the API, as shown
 */
export function installOpenApi(app: FastifyInstance, version: string): void {
  let building: Promise<Explorer> | null = null;
  const explorer = () => {
    building ??= import('./openapi-explorer.ts').then(({ buildExplorer }) =>
      buildExplorer({
        docs: app.surface.docs,
        webhooks: app.surface.webhooks,
        version,
        publicUrl: app.surface.publicUrl,
        routePrefix: EXPLORER_PATH,
      }),
    );
    return building;
  };
  let etag: string | null = null;
  const sendDocument = async (request: FastifyRequest, reply: FastifyReply) => {
    const { json } = await explorer();
    etag ??= etagOf(json, null);
    reply.header('cache-control', 'public, max-age=300');
    if (etag !== null) {
      reply.header('etag', etag);
      if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send();
    }
    return reply.header('content-type', 'application/json; charset=utf-8').send(json);
  };
  app.get(DOCUMENT_PATH, sendDocument);
  app.get(EXPLORER_PATH, async (request, reply) => {
    reply.header('vary', 'accept');
    return prefersJson(request) ? sendDocument(request, reply) : forward(await explorer(), request, reply);
  });
  app.get(`${EXPLORER_PATH}/*`, async (request, reply) => forward(await explorer(), request, reply));
}

function prefersJson(request: FastifyRequest): boolean {
  const accept = request.headers.accept ?? '';
  return accept.includes('application/json') && !accept.includes('text/html');
}

/** @returns the explorer's own answer under this server's headers */
async function forward(
  explorer: Explorer,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const answer = await explorer.get(request.url, request.headers['if-none-match']);
  if (answer === null) throw new DomainError('NOT_FOUND', 'There is nothing at this path.');
  reply.code(answer.status).headers(answer.headers);
  return reply.header('content-security-policy', EXPLORER_CSP).send(answer.body);
}
