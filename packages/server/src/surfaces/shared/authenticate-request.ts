import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Principal } from '../../core/context.ts';
import { missingCredential, unacceptable, type ShownCredential } from '../../core/credential/index.ts';
import { DomainError } from '../../core/errors.ts';
import { clientOf } from './client.ts';
import { readCredential } from './credentials.ts';
import { acceptsOf } from './entrances.ts';
import { pathOf } from './request-id.ts';
import { isEnabled } from './request-log.ts';
import type { RouteDoc } from './route-doc.ts';
import { refuseForeignOrigin } from './same-origin.ts';
import './surface.ts';

/** Undefined for what could not be read, null for nothing. */
type Shown = ShownCredential | null | undefined;

/**
 * Who sends a request to this route. Attempts are logged, refused ones also reported to `onDenied`.
 * @returns a function that throws UNAUTHORIZED, or FORBIDDEN for a cookie sent from a foreign page
 */
export function createIdentify(
  app: FastifyInstance,
  doc: RouteDoc,
): (request: FastifyRequest) => Promise<Principal> {
  const accepts = acceptsOf(doc);
  const { authenticate } = app.surface;
  const debug = isEnabled(app.log, 'debug');
  return async (request) => {
    let shown: Shown;
    try {
      shown = readCredential(request, doc);
      if (shown === null) throw missingCredential(accepts);
      if (shown.source === 'guest-cookie' && accepts.includes('guest')) refuseForeignOrigin(request);
      const entrance = { accepts, client: clientOf(request), requestId: request.id };
      const principal = await authenticate(shown, entrance);
      if (principal.kind !== 'server' && !accepts.includes(principal.kind)) {
        throw unacceptable(accepts, shown.source, principal.kind);
      }
      if (debug) logAttempt(app, request, shown, principal);
      return principal;
    } catch (error) {
      if (error instanceof DomainError) noteRefusal(app, request, shown, error);
      throw error;
    }
  };
}

function noteRefusal(
  app: FastifyInstance,
  request: FastifyRequest,
  shown: Shown,
  { code, message }: DomainError,
): void {
  if (code !== 'UNAUTHORIZED' && code !== 'FORBIDDEN') return;
  logAttempt(app, request, shown, null);
  if (shown !== null) noteDenial(request, message);
}

/** Tells whoever audits that the request was not allowed. */
export function noteDenial(request: FastifyRequest, reason: string): void {
  const { principal, id: requestId, method } = request;
  const route = request.routeOptions.url ?? 'unmatched';
  const denial = { principal, client: clientOf(request), requestId, method, route, reason };
  request.server.surface.onDenied?.(denial);
}

/** First and last four characters of a key, never enough to use it. */
function maskKey(key: string): string {
  return key.length < 12 ? '****' : `${key.slice(0, 4)}…${key.slice(-4)}`;
}

/** One line an attempt: `warn` when a credential was refused, `info` when there was none, `debug` otherwise. */
function logAttempt(
  app: FastifyInstance,
  request: FastifyRequest,
  shown: Shown,
  principal: Principal | null,
): void {
  const level = principal !== null ? 'debug' : shown === null ? 'info' : 'warn';
  const fields = {
    request_id: request.id,
    method: request.method,
    path: pathOf(request.url),
    client_ip: request.clientIp,
    credential: shown === undefined ? 'unreadable' : (shown?.source ?? 'none'),
    masked_key: shown?.source === 'x-api-key' ? maskKey(shown.token) : undefined,
    actor: principal?.actor,
  };
  app.log[level](fields, principal === null ? 'credential refused' : 'credential accepted');
}
